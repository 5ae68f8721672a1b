/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Supports and priors. A prior names one family and all of its arguments; where its
 * density is zero on part of the support (beta, uniform), the support is narrowed, so
 * that no parameter vector without prior mass is ever visited.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"

char *ph_interval_text(double lower, double upper, char *buffer)
{
    char text[2][32];
    snprintf(buffer, 80, "(%s, %s)", ph_double_text(lower, text[0]),
             ph_double_text(upper, text[1]));
    return buffer;
}

/* ---- support ---- */

static int read_bound(ph_reader *r, const cJSON *item, double infinite, double *value)
{
    if (cJSON_IsNull(item)) {
        *value = infinite;
        return PH_OK;
    }
    return ph_read_constant(r, item, "a bound of 'support'", value);
}

int ph_read_support(ph_reader *r, const cJSON *item, double *lower, double *upper)
{
    static const char expected[] =
        "expected \"positive\", \"real\", \"unit\" or [lower, upper] for 'support'";
    static const struct {
        const char *name;
        double lower, upper;
    } named[] = {
        {"positive", 0, INFINITY}, {"real", -INFINITY, INFINITY}, {"unit", 0, 1}};
    for (size_t i = 0; cJSON_IsString(item) && i < PH_COUNT(named); i++) {
        if (strcmp(item->valuestring, named[i].name) == 0) {
            *lower = named[i].lower;
            *upper = named[i].upper;
            return PH_OK;
        }
    }
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2) {
        return ph_fail(r, item, "%s", expected);
    }
    int status = read_bound(r, item->child, -INFINITY, lower);
    if (status == PH_OK) {
        status = read_bound(r, item->child->next, INFINITY, upper);
    }
    if (status == PH_OK && !(*lower < *upper)) {
        return ph_fail(r, item, "the lower bound of 'support' must be below the upper");
    }
    return status;
}

/* ---- prior ---- */

static int unknown_family(ph_reader *r, const cJSON *item)
{
    const char *names[16];
    char all[256] = "";
    size_t count = 0, used = 0;
    for (int f = PH_PRIOR_NONE + 1; f <= PH_PRIOR_BETA; f++) {
        names[count++] = ph_family_name((ph_family)f);
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                 f == PH_PRIOR_NONE + 1 ? ""
                                 : f == PH_PRIOR_BETA   ? " or "
                                                        : ", ",
                                 names[count - 1]);
    }
    const char *nearest = ph_nearest_name(item->string, names, count);
    if (nearest) {
        return ph_fail_key(r, item, "unknown family of priors; did you mean '%s'?",
                           nearest);
    }
    return ph_fail_key(r, item, "unknown family of priors; expected %s", all);
}

/* "shape and rate", or "shape and rate (or scale)". */
static const char *arguments_text(ph_family family, char *buffer, size_t size)
{
    const char *second = ph_family_argument(family, 1);
    snprintf(buffer, size, "%s%s%s%s", ph_family_argument(family, 0),
             second ? " and " : "", second ? second : "",
             family == PH_PRIOR_GAMMA ? " (or scale)" : "");
    return buffer;
}

/* Which argument a key names, or -1; the scale of a gamma stands for its rate. */
static int find_argument(ph_family family, const char *key)
{
    for (int k = 0; k < 2; k++) {
        const char *name = ph_family_argument(family, k);
        if (name && strcmp(name, key) == 0) {
            return k;
        }
    }
    return family == PH_PRIOR_GAMMA && strcmp(key, "scale") == 0 ? 1 : -1;
}

/* Arguments that may be any number; all others must be positive. */
static int is_location(ph_family family, int k)
{
    return family == PH_PRIOR_UNIFORM ||
           (k == 0 && (family == PH_PRIOR_NORMAL || family == PH_PRIOR_LOGNORMAL));
}

static int read_argument(ph_reader *r, const cJSON *item, ph_prior_spec *prior,
                         const cJSON *given[2])
{
    char text[80];
    int k = find_argument(prior->family, item->string);
    if (k < 0) {
        return ph_fail_key(r, item, "unknown argument of %s; expected %s",
                           ph_family_name(prior->family),
                           arguments_text(prior->family, text, sizeof text));
    }
    if (given[k]) {
        return ph_fail_key(r, item, "expected either rate or scale, not both");
    }
    given[k] = item;
    double value;
    int status = ph_read_constant(r, item, "an argument of a prior", &value);
    if (status != PH_OK) {
        return status;
    }
    if (!is_location(prior->family, k) && !(value > 0)) {
        return ph_fail(r, item, "the %s of %s must be positive, not %s", item->string,
                       ph_family_name(prior->family), ph_double_text(value, text));
    }
    int is_scale =
        prior->family == PH_PRIOR_GAMMA && strcmp(item->string, "scale") == 0;
    prior->argument[k] = is_scale ? 1 / value : value;
    return isfinite(prior->argument[k])
               ? PH_OK
               : ph_fail(r, item, "this scale is too small for a double");
}

int ph_read_prior(ph_reader *r, const cJSON *item, ph_prior_spec *prior)
{
    char text[80];
    int status = ph_read_object(r, item, "'prior'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    const cJSON *family = item->child, *argument, *given[2] = {NULL, NULL};
    if (!family || family->next) {
        return ph_fail(r, item, "expected exactly one family in 'prior', not %d",
                       cJSON_GetArraySize(item));
    }
    int found = ph_family_find(family->string);
    if (found <= PH_PRIOR_NONE) {
        return unknown_family(r, family);
    }
    prior->family = (ph_family)found;
    status = ph_read_object(r, family, "the arguments of a prior", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    cJSON_ArrayForEach(argument, family)
    {
        if ((status = read_argument(r, argument, prior, given)) != PH_OK) {
            return status;
        }
    }
    if (!given[0] || (!given[1] && ph_family_argument(prior->family, 1))) {
        return ph_fail(r, family, "the arguments of %s are %s: one is missing",
                       family->string,
                       arguments_text(prior->family, text, sizeof text));
    }
    if (prior->family == PH_PRIOR_UNIFORM &&
        !(prior->argument[0] < prior->argument[1])) {
        return ph_fail(r, family, "the lower end of uniform must be below the upper");
    }
    return PH_OK;
}

int ph_narrow_support(ph_reader *r, const cJSON *item, const ph_prior_spec *prior,
                      double *lower, double *upper)
{
    double from = 0, to = INFINITY;
    char text[2][80];
    switch (prior->family) {
    case PH_PRIOR_NONE:
    case PH_PRIOR_NORMAL: return PH_OK;
    case PH_PRIOR_UNIFORM:
        from = prior->argument[0];
        to = prior->argument[1];
        break;
    case PH_PRIOR_BETA: to = 1; break;
    case PH_PRIOR_GAMMA:
    case PH_PRIOR_LOGNORMAL:
    case PH_PRIOR_HALF_NORMAL:
    case PH_PRIOR_HALF_CAUCHY:
    case PH_PRIOR_EXPONENTIAL: break;
    }
    double low = fmax(*lower, from), high = fmin(*upper, to);
    if (!(low < high)) {
        return ph_fail(r, item, "the prior has its mass in %s, outside the support %s",
                       ph_interval_text(from, to, text[0]),
                       ph_interval_text(*lower, *upper, text[1]));
    }
    *lower = low;
    *upper = high;
    return PH_OK;
}
