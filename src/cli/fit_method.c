/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fit_method.h"

#include <string.h>

enum { SVGD = 1 << PH_FIT_SVGD, MAP = 1 << PH_FIT_MAP, HMC = 1 << PH_FIT_HMC };

/* Options that not all methods have. */
static const struct {
    const char *name;
    int methods;
} belongs[] = {{"particles", SVGD},      {"tolerance", SVGD},   {"ess", SVGD},
               {"max-iterations", SVGD}, {"draws", SVGD | HMC}, {"no-prior", MAP},
               {"jacobian", MAP},        {"chains", HMC},       {"warmup", HMC},
               {"svgd", SVGD},           {"history", SVGD}};

ph_fit_method ph_fit_method_of(const ph_app *app)
{
    const char *name = ph_options_text(&app->options, "method");
    return strcmp(name, "map") == 0   ? PH_FIT_MAP
           : strcmp(name, "hmc") == 0 ? PH_FIT_HMC
                                      : PH_FIT_SVGD;
}

/* Whether an option was given a value that is not its initial one. */
static int is_given(const ph_app *app, const char *name)
{
    const ph_option_value *value = ph_options_find(&app->options, name);
    if (value->option->kind == PH_OPTION_FLAG) {
        return ph_options_flag(&app->options, name);
    }
    const char *initial = value->option->initial;
    return value->length > 0 && value->source > PH_SOURCE_DRAWN &&
           (!initial || strcmp(value->text[0], initial) != 0);
}

int ph_fit_method_check(ph_app *app)
{
    ph_fit_method method = ph_fit_method_of(app);
    for (size_t i = 0; i < sizeof belongs / sizeof *belongs; i++) {
        if (!(belongs[i].methods & 1 << method) && is_given(app, belongs[i].name)) {
            ph_error_place(&app->error, "--%s", belongs[i].name);
            return ph_error_set(&app->error, PH_E_USAGE,
                                "does not belong to --method %s",
                                ph_options_text(&app->options, "method"));
        }
    }
    if (is_given(app, "no-prior") && is_given(app, "jacobian")) {
        ph_error_place(&app->error, "--jacobian");
        return ph_error_set(&app->error, PH_E_USAGE,
                            "a likelihood has no Jacobian; leave out one of --no-prior "
                            "and --jacobian");
    }
    return PH_OK;
}

int ph_fit_method_parts(const ph_app *app)
{
    if (ph_fit_method_of(app) != PH_FIT_MAP) {
        return PH_POSTERIOR_FULL;
    }
    int parts = ph_options_flag(&app->options, "no-prior") ? 0 : PH_POSTERIOR_PRIOR;
    return parts |
           (ph_options_flag(&app->options, "jacobian") ? PH_POSTERIOR_JACOBIAN : 0);
}

int ph_fit_method_hmc(ph_app *app, ph_hmc_settings *settings)
{
    const ph_options *options = &app->options;
    ph_hmc_defaults(settings);
    settings->seed = ph_options_whole(options, "seed");
    settings->chains = (size_t)ph_options_whole(options, "chains");
    settings->warm_up = (size_t)ph_options_whole(options, "warmup");
    if (!ph_options_text(options, "draws")) { /* about 4000, a multiple of the chains */
        size_t each = (settings->draws + settings->chains - 1) / settings->chains;
        settings->draws = settings->chains * (each < 8 ? 8 : each);
        return PH_OK;
    }
    settings->draws = (size_t)ph_options_whole(options, "draws");
    if (settings->draws % settings->chains != 0 ||
        settings->draws / settings->chains < 8) {
        ph_error_place(&app->error, "--draws");
        ph_error_found(&app->error, ph_options_text(options, "draws"), -1);
        return ph_error_set(&app->error, PH_E_USAGE,
                            "expects a multiple of --chains (%zu), at least 8 of each",
                            settings->chains);
    }
    return PH_OK;
}
