/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PREFIX.csv: the draws as CmdStan lays them out, so that its readers take them. What
 * those readers insist on: the keys model, method, num_samples, num_warmup,
 * save_warmup, thin, id and metric; booleans as 0 and 1; num_samples equal to the rows;
 * lp__ first and no other sampler column; `method = sample` (with `variational` the
 * first row is taken for the mean); an algorithm that is not Stan's fixed_param; no
 * comment between the header and the draws. Chains of Hamiltonian Monte Carlo stand
 * one after the other under a name that is not Stan's either: it would ask for a
 * metric. No times and no thread counts stand here: the bytes depend on seed, model,
 * data and settings alone.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "report_private.h"

/* Comment values are one word: what is not a letter, digit, '.', '-' becomes '_'. */
static void add_word(ph_buffer *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        int plain = c < 0x80 && (isalnum(c) || c == '.' || c == '-');
        ph_buffer_add_n(out, plain ? text : "_", 1);
    }
    ph_buffer_add(out, "\n");
}

void ph_report_csv_origin(ph_buffer *out, const ph_provenance *p)
{
    const char *slash = strrchr(p->model->file, '/');
    const char *file = slash ? slash + 1 : p->model->file;
    ph_buffer_addf(out, "# phasic_version = %s\n# model = ", p->version);
    add_word(out, p->model->name && p->model->name[0] ? p->model->name : file);
    ph_buffer_addf(out, "# phasic_model_sha256 = %s\n", p->model->digest);
    ph_buffer_addf(out, "# phasic_data_sha256 = %s\n", p->data->digest);
}

static void add_header(ph_buffer *out, const ph_fit *fit, const ph_provenance *p)
{
    const ph_hmc_report *hmc = fit->svgd->hmc;
    ph_report_csv_origin(out, p);
    ph_buffer_addf(out,
                   "# method = sample\n"
                   "#   sample\n"
                   "#     num_samples = %zu\n"
                   "#     num_warmup = %zu\n"
                   "#     save_warmup = 0\n"
                   "#     thin = 1\n"
                   "#     algorithm = %s\n"
                   "#       engine = phasic\n"
                   "#       metric = unit_e\n"
                   "#       max_depth = 0\n"
                   "#       %s = %zu\n"
                   "#       phasic_converged = %d\n"
                   "# id = 1\n"
                   "# random\n"
                   "#   seed = %llu\n",
                   fit->draws, hmc ? hmc->warm_up : 0, hmc ? "phasic_hmc" : "svgd",
                   hmc ? "phasic_chains" : "particles", fit->svgd->particles,
                   fit->svgd->converged != 0, (unsigned long long)p->seed);
}

static int is_finite_column(const ph_fit *fit, size_t column)
{
    for (size_t i = 0; i < fit->draws; i++) {
        if (!isfinite(fit->draw[i * fit->columns + column])) {
            return 0;
        }
    }
    return 1;
}

void ph_report_csv(ph_buffer *out, const ph_fit *fit, const ph_provenance *provenance)
{
    const ph_model *model = provenance->model;
    unsigned char *keep = ph_alloc(fit->columns, 1);
    if (!keep) {
        out->failed = 1;
        return;
    }
    add_header(out, fit, provenance);
    ph_buffer_add(out, "lp__");
    for (size_t c = 0; c < fit->columns; c++) {
        keep[c] = (unsigned char)is_finite_column(fit, c);
        if (keep[c]) {
            ph_buffer_addf(out, ",%s",
                           c < fit->p ? model->parameters[c].name
                                      : model->derived[c - fit->p].name);
        }
    }
    ph_buffer_add(out, "\n");
    for (size_t i = 0; i < fit->draws; i++) {
        ph_buffer_add_double(out, fit->draw_log_p[i]);
        for (size_t c = 0; c < fit->columns; c++) {
            if (keep[c]) {
                ph_buffer_add(out, ",");
                ph_buffer_add_double(out, fit->draw[i * fit->columns + c]);
            }
        }
        ph_buffer_add(out, "\n");
    }
    free(keep);
}
