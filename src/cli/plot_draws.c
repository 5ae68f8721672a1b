/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The draws of a fit: densities of single quantities, and scatters of pairs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/prior/prior.h"
#include "phasic/report/draws.h"
#include "plot.h"

#define CURVE        161 /* points of a density */
#define MOST_POINTS  800 /* of a scatter */
#define MOST_COLUMNS 3
#define MOST_PAIRED  12 /* quantities of pairs; beyond this the panels are too small */
#define PAIRED       6  /* those shown where none are named */

/* A quantity of the summary over the draws. */
typedef struct quantity {
    const char *name, *unit;       /* unit may be NULL */
    const ph_parameter *parameter; /* NULL: derived */
    double *x;                     /* [draws] */
    ph_kde kde;
    double mean, median, lower, upper; /* the interval that is marked */
    double from, to;                   /* what is shown */
} quantity;

static void free_quantities(size_t n, quantity *list)
{
    for (size_t i = 0; list && i < n; i++) {
        free(list[i].x);
        ph_kde_free(&list[i].kde);
    }
    free(list);
}

/* ------------------------------------------------------------------ numbers */

static int no_density(const ph_plot *self, const char *name)
{
    ph_error_file(&self->app->error, self->set.saved->csv_path);
    ph_error_place(&self->app->error, "column %s", name);
    return ph_error_set(&self->app->error, PH_E_DATA,
                        "has no density: its draws are all equal, or not all within "
                        "its bounds");
}

/* A derived quantity whose draws are all positive is taken for one that always is. */
static int smooth(const ph_plot *self, quantity *it, double effective)
{
    size_t draws = self->set.saved->draws;
    double lower = it->parameter ? it->parameter->lower : 0;
    double upper = it->parameter ? it->parameter->upper : INFINITY;
    for (size_t s = 0; s < draws && !it->parameter; s++) {
        lower = it->x[s] > 0 ? lower : -INFINITY;
    }
    int status = ph_kde_init(&it->kde, draws, it->x, lower, upper, effective);
    return status == PH_E_NUMERIC ? no_density(self, it->name)
           : status == PH_OK      ? PH_OK
                                  : ph_plot_no_memory(self);
}

/* Nearly all of the density, without the last of the draws in a long tail. */
static void find_range(quantity *it, const double *outer)
{
    double beyond = 0.2 * (outer[1] - outer[0]);
    ph_kde_range(&it->kde, 2, &it->from, &it->to);
    it->from = fmax(it->from, outer[0] - beyond);
    it->to = fmin(it->to, outer[1] + beyond);
}

static int load_quantity(const ph_plot *self, size_t row, double *work, quantity *it)
{
    const ph_saved *saved = self->set.saved;
    const double tail = 0.5 * (1 - self->level);
    const double level[] = {tail, 0.5, 1 - tail, 0.005, 0.99};
    long column = ph_saved_column(saved, row);
    double value[5];
    ph_draws_row all;
    it->name = saved->row[row].name;
    if (row < saved->n_parameters) {
        it->parameter = &self->set.job.model->parameters[row];
        it->unit = it->parameter->unit;
    }
    ph_draws_summarize(saved, row, 5, level, work, &all, value);
    if (column < 0 || !(all.sd > 0)) {
        return no_density(self, it->name);
    }
    it->x = ph_alloc(saved->draws, sizeof *it->x);
    if (!it->x) {
        return ph_plot_no_memory(self);
    }
    for (size_t s = 0; s < saved->draws; s++) {
        it->x[s] = saved->draw[s * saved->columns + (size_t)column];
    }
    it->mean = all.mean;
    it->median = value[1];
    it->lower = value[0];
    it->upper = value[2];
    int status = smooth(self, it, isfinite(all.ess) ? all.ess : (double)saved->draws);
    if (status == PH_OK) {
        find_range(it, value + 3);
    }
    return status;
}

static int load_quantities(const ph_plot *self, size_t n, quantity **list)
{
    quantity *it = ph_alloc(n, sizeof *it);
    double *work = ph_alloc(self->set.saved->draws, sizeof *work);
    int status = it && work ? PH_OK : ph_plot_no_memory(self);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        status = load_quantity(self, self->row[i], work, &it[i]);
    }
    free(work);
    if (status != PH_OK) {
        free_quantities(n, it);
        it = NULL;
    }
    *list = it;
    return status;
}

static void write_name(ph_buffer *out, const quantity *it)
{
    ph_buffer_add(out, it->name);
    if (it->unit) {
        ph_buffer_addf(out, " (%s)", it->unit);
    }
}

/* "NAME (UNIT)" as a text of gnuplot. */
static void add_name(ph_buffer *out, const quantity *it)
{
    ph_buffer text = {0};
    write_name(&text, it);
    ph_gnuplot_quote(out, text.text ? text.text : "");
    out->failed |= text.failed;
    ph_buffer_free(&text);
}

/* ---------------------------------------------------------------- marginals */

/*
 * The data block $NAME of the density from one value to another; returns its peak. In a
 * bound itself the density is 0 whatever it is beside it: the ends are taken inside.
 */
static double add_curve(ph_buffer *out, const char *name, size_t i, const quantity *it,
                        double from, double to)
{
    double most = 0;
    ph_buffer_addf(out, "$%s%zu << EOD\n", name, i);
    for (int k = 0; k < CURVE; k++) {
        double share = fmin(fmax((double)k / (CURVE - 1), 1e-6), 1 - 1e-6);
        double x = from + (to - from) * share, y = ph_kde_at(&it->kde, x);
        most = fmax(most, y);
        ph_gnuplot_number(out, x);
        ph_gnuplot_number(out, y);
        ph_buffer_add(out, "\n");
    }
    ph_buffer_add(out, "EOD\n");
    return most;
}

/* The same of the prior; 0 where there is none to draw. */
static double add_prior(ph_buffer *out, size_t i, const quantity *it)
{
    const ph_prior_spec *spec = it->parameter ? &it->parameter->prior : NULL;
    ph_prior prior;
    ph_error error = {0};
    double most = 0;
    if (!spec || spec->family == PH_PRIOR_NONE ||
        ph_prior_init(&prior, spec->family, spec->argument, it->parameter->lower,
                      it->parameter->upper, &error) != PH_OK) {
        return 0;
    }
    ph_buffer_addf(out, "$prior%zu << EOD\n", i);
    for (int k = 0; k < CURVE; k++) {
        double share = fmin(fmax((double)k / (CURVE - 1), 1e-6), 1 - 1e-6);
        double x = it->from + (it->to - it->from) * share;
        double y = exp(ph_prior_log(&prior, x, NULL));
        most = fmax(most, y);
        ph_gnuplot_number(out, x);
        ph_gnuplot_number(out, y);
        ph_buffer_add(out, "\n");
    }
    ph_buffer_add(out, "EOD\n");
    return most;
}

/* Lines from the axis to the density, at the mean and at the median. */
static void add_marks(ph_buffer *out, size_t i, const quantity *it)
{
    const double at[] = {it->mean, it->median};
    static const char *const name[] = {"mean", "median"};
    for (int k = 0; k < 2; k++) {
        ph_buffer_addf(out, "$%s%zu << EOD\n", name[k], i);
        ph_gnuplot_number(out, at[k]);
        ph_buffer_add(out, " 0\n");
        ph_gnuplot_number(out, at[k]);
        ph_gnuplot_number(out, ph_kde_at(&it->kde, at[k]));
        ph_buffer_add(out, "\nEOD\n");
    }
}

static void add_marginal_plot(ph_buffer *out, size_t i, int prior)
{
    ph_buffer_addf(out,
                   "plot $interval%zu using 1:2 with filledcurves y=0 linecolor rgb "
                   "" PH_PALE_BLUE ", \\\n",
                   i);
    if (prior) {
        ph_buffer_addf(out,
                       "     $prior%zu using 1:2 with lines linewidth 1.25 dashtype "
                       "(8,5) linecolor rgb " PH_GREY ", \\\n",
                       i);
    }
    ph_buffer_addf(out,
                   "     $mean%zu using 1:2 with lines linewidth 1.25 linecolor rgb "
                   "" PH_RED ", \\\n"
                   "     $median%zu using 1:2 with lines linewidth 1.25 dashtype (4,4) "
                   "linecolor rgb " PH_RED ", \\\n"
                   "     $density%zu using 1:2 with lines linewidth 1.75 linecolor rgb "
                   "" PH_BLUE "\n",
                   i, i, i);
}

/*
 * The density, and the prior's beside it. A prior may have a pole: it is cut where it
 * leaves the posterior far below.
 */
static void add_marginal(ph_figure *figure, size_t i, const quantity *it)
{
    ph_buffer *out = &figure->text;
    ph_figure_panel(figure, i / figure->columns, i % figure->columns);
    double most = add_curve(out, "density", i, it, it->from, it->to);
    double prior = add_prior(out, i, it);
    (void)add_curve(out, "interval", i, it, it->lower, it->upper);
    add_marks(out, i, it);
    ph_figure_axis(figure, 'x', it->from, it->to, 5);
    ph_buffer_addf(out, "set yrange [0:%.8g]; unset ytics\nset xlabel ",
                   1.06 * fmax(most, fmin(prior, 1.5 * most)));
    add_name(out, it);
    ph_buffer_add(out, " offset 0,0.3\n");
    if (i % figure->columns == 0) {
        ph_figure_y_name(figure, "density");
    }
    add_marginal_plot(out, i, prior > 0);
}

static void add_marginal_key(const ph_plot *self, ph_figure *figure)
{
    char interval[40];
    snprintf(interval, sizeof interval, "%.6g %% interval", 100 * self->level);
    ph_figure_key(figure, PH_MARK_LINE, PH_BLUE, "", "posterior");
    ph_figure_key(figure, PH_MARK_AREA, PH_PALE_BLUE, "", interval);
    ph_figure_key(figure, PH_MARK_LINE, PH_RED, "", "mean");
    /* SVG of gnuplot forgets a dashtype that alone differs from the entry before */
    ph_figure_key(figure, PH_MARK_LINE, PH_GREY, "dashtype (8,5)", "prior");
    ph_figure_key(figure, PH_MARK_LINE, PH_RED, "dashtype (4,4)", "median");
}

int ph_plot_marginals(const ph_plot *self, ph_figure *figure)
{
    quantity *list = NULL;
    int status = load_quantities(self, self->n, &list);
    if (status != PH_OK) {
        return status;
    }
    size_t columns = self->n == 4 ? 2 : self->n < MOST_COLUMNS ? self->n : MOST_COLUMNS;
    ph_buffer title = {0};
    ph_plot_title(self, "posterior", &title);
    figure->left = 34;
    figure->right = 14;
    figure->label = 16;
    figure->top = 56;
    figure->bottom = 52;
    figure->gap_x = 26;
    figure->gap_y = 62;
    ph_figure_begin(figure, (self->n + columns - 1) / columns, columns,
                    columns == 1   ? 430
                    : columns == 2 ? 270
                                   : 210,
                    170, title.text ? title.text : "");
    add_marginal_key(self, figure);
    for (size_t i = 0; i < self->n; i++) {
        add_marginal(figure, i, &list[i]);
    }
    ph_figure_end(figure);
    figure->text.failed |= title.failed;
    ph_buffer_free(&title);
    free_quantities(self->n, list);
    return PH_OK;
}

/* -------------------------------------------------------------------- pairs */

static double correlation(size_t n, const quantity *a, const quantity *b)
{
    double xx = 0, xy = 0, yy = 0;
    for (size_t s = 0; s < n; s++) {
        double x = a->x[s] - a->mean, y = b->x[s] - b->mean;
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    return xy / sqrt(xx * yy);
}

/* One block with a column for each quantity; at most MOST_POINTS draws, spread evenly.
 */
static void add_points(const ph_plot *self, ph_buffer *out, size_t n,
                       const quantity *list)
{
    size_t draws = self->set.saved->draws;
    size_t count = draws < MOST_POINTS ? draws : MOST_POINTS;
    ph_buffer_add(out, "$draws << EOD\n");
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < n; i++) {
            ph_gnuplot_number(out, list[i].x[k * draws / count]);
        }
        ph_buffer_add(out, "\n");
    }
    ph_buffer_add(out, "EOD\n");
}

/* Names stand on the left and below, as do the numbers of the axes. */
static void add_pair_labels(ph_figure *figure, size_t n, const quantity *list, size_t i,
                            size_t j)
{
    ph_buffer *out = &figure->text, name = {0};
    ph_buffer_add(out, i + 1 == n ? "set format x '%g'; set xlabel "
                                  : "set format x ''; unset xlabel");
    if (i + 1 == n) {
        add_name(out, &list[j]);
        ph_buffer_add(out, " offset 0,0.2");
    }
    ph_buffer_add(out, j == 0 ? "\nset format y '%g'\n" : "\nset format y ''\n");
    if (j == 0 && i > 0) {
        write_name(&name, &list[i]);
        ph_figure_y_name(figure, name.text ? name.text : "");
    }
    out->failed |= name.failed;
    ph_buffer_free(&name);
}

/* About so many numbers have room below a panel. */
static double count_tics(size_t n)
{
    return n <= 3 ? 4.5 : 3.5;
}

static void add_diagonal(ph_figure *figure, size_t n, const quantity *list, size_t i)
{
    ph_buffer *out = &figure->text;
    double most = add_curve(out, "density", i, &list[i], list[i].from, list[i].to);
    add_pair_labels(figure, n, list, i, i);
    ph_figure_axis(figure, 'x', list[i].from, list[i].to, count_tics(n));
    ph_buffer_addf(out,
                   "set border 1; unset ytics\nset yrange [0:%.8g]\n"
                   "plot $density%zu using 1:2 with filledcurves y=0 linecolor rgb "
                   "" PH_PALE_BLUE ", '' using 1:2 with lines linewidth 1.5 linecolor "
                   "rgb " PH_BLUE "\n"
                   "set border 3\n",
                   1.06 * most, i);
}

static void add_scatter(ph_figure *figure, size_t n, const quantity *list, size_t i,
                        size_t j)
{
    add_pair_labels(figure, n, list, i, j);
    ph_figure_axis(figure, 'x', list[j].from, list[j].to, count_tics(n));
    ph_figure_axis(figure, 'y', list[i].from, list[i].to, count_tics(n));
    ph_buffer_addf(&figure->text,
                   "plot $draws using %zu:%zu with points pointtype 7 pointsize 0.22 "
                   "linecolor rgb " PH_BLUE "\n",
                   j + 1, i + 1);
}

/* Nothing but the number, in a panel without axes. */
static void add_correlation(ph_figure *figure, double r)
{
    ph_buffer_addf(&figure->text,
                   "unset border; unset tics; unset xlabel\n"
                   "set xrange [0:1]; set yrange [0:1]\n"
                   "set label 2 '%s%.2f' at 0.5, 0.5 center font ',12' textcolor rgb "
                   "" PH_BLACK "\n"
                   "plot NaN\n"
                   "set border 3\n",
                   r <= -0.005 ? "\u2212" : "", fabs(r));
}

static void add_pair_panels(const ph_plot *self, ph_figure *figure, size_t n,
                            const quantity *list)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            ph_figure_panel(figure, i, j);
            if (i == j) {
                add_diagonal(figure, n, list, i);
            } else if (i > j) {
                add_scatter(figure, n, list, i, j);
            } else {
                add_correlation(
                    figure, correlation(self->set.saved->draws, &list[i], &list[j]));
            }
        }
    }
}

/* How many quantities there is room for. */
static int count_paired(const ph_plot *self, size_t *n)
{
    *n = self->n;
    if (self->chosen && self->n > MOST_PAIRED) {
        ph_error_place(&self->app->error, "--parameters");
        return ph_error_set(&self->app->error, PH_E_USAGE,
                            "names %zu quantities; pairs shows at most %d", self->n,
                            MOST_PAIRED);
    }
    if (!self->chosen && self->n > PAIRED) {
        *n = PAIRED;
        ph_talk_warn(&self->app->talk,
                     "pairs shows the first %d of %zu quantities; --parameters chooses "
                     "others",
                     PAIRED, self->n);
    }
    if (self->n < 2) {
        return ph_error_set(&self->app->error, PH_E_USAGE,
                            "pairs needs two quantities that vary, and there is one");
    }
    return PH_OK;
}

int ph_plot_pairs(const ph_plot *self, ph_figure *figure)
{
    quantity *list = NULL;
    size_t n;
    int status = count_paired(self, &n);
    if (status == PH_OK) {
        status = load_quantities(self, n, &list);
    }
    if (status != PH_OK) {
        return status;
    }
    ph_buffer title = {0};
    ph_plot_title(self, "draws of the posterior and their correlations", &title);
    figure->left = 62;
    figure->label = 46;
    figure->right = 14;
    figure->top = 40;
    figure->bottom = 52;
    figure->gap_x = figure->gap_y = 12;
    double side = n <= 3 ? 150 : n <= 6 ? 115 : 90;
    ph_figure_begin(figure, n, n, side, side, title.text ? title.text : "");
    add_points(self, &figure->text, n, list);
    add_pair_panels(self, figure, n, list);
    ph_figure_end(figure);
    figure->text.failed |= title.failed;
    ph_buffer_free(&title);
    free_quantities(n, list);
    return PH_OK;
}
