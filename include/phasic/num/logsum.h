/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_LOGSUM_H
#define PHASIC_NUM_LOGSUM_H

/* log(e^a + e^b); either may be -inf. */
double ph_logsum(double a, double b);

#endif
