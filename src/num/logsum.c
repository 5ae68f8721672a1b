/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/num/logsum.h"

#include <math.h>

double ph_logsum(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}
