/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_CLOCK_H
#define PHASIC_BASE_CLOCK_H

double ph_clock_seconds(void); /* monotonic wall clock */

#endif
