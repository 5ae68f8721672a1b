/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the particles of a fit came to rest, from the history that the fit has stored. */
#include <math.h>

#include "plot.h"

/* Columns of the history, as the block $history has them after the iteration. */
enum { MEAN_LOG_DENSITY = 2, FIRST_RESIDUAL, SECOND_RESIDUAL, STEP, DISCREPANCY };

static double cell(const ph_saved *saved, size_t iteration, int column)
{
    return saved->history[PH_HISTORY_COLUMNS * iteration + (size_t)column - 2];
}

static void add_history(const ph_saved *saved, ph_buffer *out)
{
    ph_buffer_add(out, "$history << EOD\n");
    for (size_t i = 0; i < saved->n_history; i++) {
        ph_buffer_addf(out, "%zu", i + 1);
        for (int k = MEAN_LOG_DENSITY; k <= DISCREPANCY; k++) {
            ph_gnuplot_number(out, cell(saved, i, k));
        }
        ph_buffer_add(out, "\n");
    }
    ph_buffer_add(out, "EOD\n");
}

/* Whether a column of the history can be shown on a logarithmic axis. */
static int is_positive(const ph_saved *saved, int column)
{
    for (size_t i = 0; i < saved->n_history; i++) {
        if (cell(saved, i, column) > 0) {
            return 1;
        }
    }
    return 0;
}

static void begin_panel(const ph_saved *saved, ph_figure *figure, size_t panel,
                        const char *label, int logarithmic)
{
    double last = (double)saved->n_history;
    figure->label = panel % 2 == 0 ? 68 : 50; /* log densities are long numbers */
    ph_figure_panel(figure, panel / 2, panel % 2);
    ph_buffer_addf(&figure->text,
                   "set xrange [0.5:%.8g]; set xtics %.8g\n"
                   "set xlabel 'iteration' offset 0,0.3\n"
                   "set autoscale y; set ytics autofreq; unset key\n%s\n",
                   last + 0.5, ph_round_step(fmax(1, last / 5)),
                   logarithmic ? "set logscale y" : "unset logscale");
    ph_figure_y_name(figure, label);
}

/* One line with points; what is not positive has no place on a logarithmic axis. */
static void add_line(ph_figure *figure, int column, int logarithmic, const char *style,
                     const char *name)
{
    if (logarithmic) {
        ph_buffer_addf(&figure->text, "$history using 1:($%d > 0 ? $%d : NaN)", column,
                       column);
    } else {
        ph_buffer_addf(&figure->text, "$history using 1:%d", column);
    }
    ph_buffer_addf(&figure->text,
                   " with linespoints linewidth 1.5 pointsize 0.45 %s title '%s'",
                   style, name);
}

static void add_residuals(const ph_saved *saved, ph_figure *figure)
{
    int first = is_positive(saved, FIRST_RESIDUAL);
    int second = is_positive(saved, SECOND_RESIDUAL), logarithmic = first && second;
    begin_panel(saved, figure, 1, "Stein residual", logarithmic);
    ph_buffer_add(&figure->text, "set key top right samplen 2 font ',10'\nplot ");
    add_line(figure, FIRST_RESIDUAL, logarithmic, "pointtype 7 linecolor rgb " PH_BLUE,
             "r1 (location)");
    ph_buffer_add(&figure->text, ", \\\n     ");
    add_line(figure, SECOND_RESIDUAL, logarithmic,
             "pointtype 5 dashtype (8,4) linecolor rgb " PH_RED, "r2 (scale)");
    ph_buffer_add(&figure->text, "\n");
}

/* What the fit has found in the end, as far as it is stored. */
static void add_numbers(const ph_saved *saved, ph_figure *figure)
{
    static const struct {
        const char *name, *text;
    } number[] = {{"ess", "effective sample size"},
                  {"pareto_k", "Pareto k"},
                  {"ksd", "kernel Stein discrepancy"}};
    ph_buffer text = {0};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        double value = ph_saved_diagnostic(saved, number[i].name);
        if (isfinite(value)) {
            ph_buffer_addf(&text, "%s%s %.*g", text.length > 0 ? ", " : "",
                           number[i].text, i == 0 ? 4 : 2, value);
        }
    }
    if (text.length > 0) {
        ph_figure_note(figure, text.text);
    }
    figure->text.failed |= text.failed;
    ph_buffer_free(&text);
}

/* The least and the greatest finite number of a column of the history. */
static void find_span(const ph_saved *saved, int column, double *from, double *to)
{
    *from = INFINITY;
    *to = -INFINITY;
    for (size_t i = 0; i < saved->n_history; i++) {
        double x = cell(saved, i, column);
        *from = isfinite(x) ? fmin(*from, x) : *from;
        *to = isfinite(x) ? fmax(*to, x) : *to;
    }
}

/*
 * A panel of one line; steps and discrepancies that differ by more than a factor 20
 * have a log axis, and log densities an axis of at least 0.2: less is no change.
 */
static void add_single(const ph_saved *saved, ph_figure *figure, size_t panel,
                       int column, const char *label)
{
    double from, to;
    find_span(saved, column, &from, &to);
    int positive = column != MEAN_LOG_DENSITY;
    int logarithmic = positive && from > 0 && to > 20 * from;
    begin_panel(saved, figure, panel, label, logarithmic);
    if (!logarithmic && to >= from) {
        double least = positive ? fmax(1e-9, 0.01 * fabs(to)) : 0.2;
        double space = fmax(0.06 * (to - from), 0.5 * (least - (to - from)));
        ph_figure_axis(figure, 'y', positive ? 0 : from - space, to + space, 5);
    }
    ph_buffer_add(&figure->text, "plot ");
    add_line(figure, column, logarithmic, "pointtype 7 linecolor rgb " PH_BLUE, "");
    ph_buffer_add(&figure->text, "\n");
}

int ph_plot_convergence(const ph_plot *self, ph_figure *figure)
{
    const ph_saved *saved = self->set.saved;
    if (saved->n_history == 0) {
        ph_error_file(&self->app->error, saved->json_path);
        return ph_error_set(&self->app->error, PH_E_DATA,
                            "holds no history of iterations, so there is no "
                            "convergence to show");
    }
    ph_buffer title = {0};
    ph_plot_title(self, saved->converged ? "converged" : "not converged", &title);
    figure->left = figure->gap_x = 88;
    figure->gap_y = 52;
    figure->right = 14;
    figure->top = 58;
    figure->bottom = 52;
    ph_figure_begin(figure, 2, 2, 250, 160, title.text ? title.text : "");
    add_numbers(saved, figure);
    add_history(saved, &figure->text);
    add_single(saved, figure, 0, MEAN_LOG_DENSITY, "mean log density");
    add_residuals(saved, figure);
    add_single(saved, figure, 2, STEP, "step");
    if (is_positive(saved, DISCREPANCY)) {
        add_single(saved, figure, 3, DISCREPANCY, "Stein discrepancy");
    }
    ph_figure_end(figure);
    figure->text.failed |= title.failed;
    ph_buffer_free(&title);
    return PH_OK;
}
