/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/num/poisson.h"

#include <math.h>

/* log(k!) - log(sqrt(2 pi k) (k/e)^k): table of small k, Stirling's series beyond. */
static double stirling_error(double k)
{
    static const double small[16] = {
        0.0,
        0.0810614667953272582196702635943823,
        0.0413406959554092940938220814071175,
        0.0276779256849983391487892927462446,
        0.0207906721037650931115227717678486,
        0.0166446911898211921631948653735833,
        0.0138761288230707479987457270237629,
        0.0118967099458917700950557241176194,
        0.0104112652619720964907115767096543,
        0.0092554621827127329177286366331090,
        0.0083305634333631256433012210386200,
        0.0075736754879518407949720242115108,
        0.0069428401072095298656641526634754,
        0.0064089941880042070684396310829733,
        0.0059513701127588475356244160800464,
        0.0055547335519628013710386899557005,
    };
    if (k < 16) {
        return small[(int)k];
    }
    double r = 1 / (k * k);
    return (1.0 / 12 -
            r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188))))) /
           k;
}

/* k log(k/x) + x - k, the deviance: a series where k is near x, where the terms cancel.
 */
static double deviance(double k, double x)
{
    if (fabs(k - x) < 0.1 * (k + x)) {
        double v = (k - x) / (k + x), sum = (k - x) * v, term = 2 * k * v;
        for (int j = 1; j < 1000; j++) {
            term *= v * v;
            double next = sum + term / (2 * j + 1);
            if (next == sum) {
                break;
            }
            sum = next;
        }
        return sum;
    }
    return k * log(k / x) + x - k;
}

double ph_poisson_log(double k, double x)
{
    if (x == 0) {
        return k == 0 ? 0 : -INFINITY;
    }
    if (k == 0) {
        return -x;
    }
    return -stirling_error(k) - deviance(k, x) - 0.5 * log(2 * M_PI * k);
}

double ph_poisson_log_upper_tail(double k, double x)
{
    double geometric = ph_poisson_log(k, x) - log1p(-x / (k + 1));
    double chernoff = x > 0 ? -deviance(k, x) : (k > 0 ? -INFINITY : 0);
    return geometric < chernoff ? geometric : chernoff;
}
