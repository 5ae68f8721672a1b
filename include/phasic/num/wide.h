/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_WIDE_H
#define PHASIC_NUM_WIDE_H

/* The number type of evaluations in higher precision: IEEE binary128, 33 digits. */
__extension__ typedef __float128 ph_wide;

#endif
