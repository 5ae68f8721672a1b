/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data against what the posterior predicts, a panel for each group and reward:
 * exact times as a histogram or, in discrete time, bars; where some are censored or
 * enter late, or the process may be absorbed at once, the product-limit estimate, or
 * with intervals Turnbull's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/report/predictive.h"
#include "phasic/report/product_limit.h"
#include "phasic/report/turnbull.h"
#include "plot.h"

#define CURVE        241  /* points of a curve */
#define MOST_DRAWS   1000 /* that the curves are computed from, spread evenly */
#define MOST_BARS    60 /* of discrete times; beyond this they are shown as survival */
#define MOST_COLUMNS 3

/* Of boxes that lie on others. */
#define SEE_THROUGH "transparent solid 0.35 noborder"

typedef enum shape { HISTOGRAM, BARS, SURVIVAL } shape;

/* One part of the data. */
typedef struct panel {
    size_t part, n;
    const ph_observation *row; /* [n] */
    double weight, most;       /* their weight, and the longest time */
    shape shape;
    double width;   /* of the bars */
    size_t bars;    /* the first one begins at 0; in discrete time is 0 itself */
    double *height; /* [bars] */
    int intervals;  /* some times lie in intervals */
    ph_product_limit limit; /* where none do, else: */
    ph_turnbull cells;
    size_t points;
    double *at;    /* [points] */
    ph_band *band; /* [points] */
} panel;

static void free_panel(panel *self)
{
    free(self->height);
    free(self->at);
    free(self->band);
    ph_product_limit_free(&self->limit);
    ph_turnbull_free(&self->cells);
}

/* -------------------------------------------------------------------- the data */

static int is_exact(const panel *self, int discrete)
{
    for (size_t i = 0; i < self->n; i++) {
        const ph_observation *row = &self->row[i];
        if (row->kind != PH_OBSERVED || row->entry != PH_NO_ENTRY ||
            (!discrete && row->time == 0)) {
            return 0;
        }
    }
    return 1;
}

static void begin_panel(const ph_plot *self, size_t part, panel *it)
{
    const ph_data *data = self->set.job.data;
    int discrete = self->set.job.model->discrete;
    it->part = part;
    it->row = data->observation + data->part[part].first;
    it->n = data->part[part].end - data->part[part].first;
    for (size_t i = 0; i < it->n; i++) {
        it->weight += it->row[i].weight;
        it->most = fmax(it->most, fmax(it->row[i].time, it->row[i].upper));
        it->intervals |= it->row[i].kind == PH_LEFT_CENSORED ||
                         it->row[i].kind == PH_INTERVAL_CENSORED;
    }
    it->most = it->most > 0 ? it->most : 1;
    it->shape = !is_exact(it, discrete) ? SURVIVAL
                : !discrete             ? HISTOGRAM
                : it->most < MOST_BARS  ? BARS
                                        : SURVIVAL;
}

/* The time that a share of the weight lies up to; the rows are sorted by time. */
static double weighted_quantile(const panel *self, double share)
{
    double sum = 0;
    for (size_t i = 0; i < self->n; i++) {
        sum += self->row[i].weight;
        if (sum >= share * self->weight) {
            return self->row[i].time;
        }
    }
    return self->most;
}

/* Freedman and Diaconis' width 2 IQR n^(-1/3), rounded, of 4 to 60 bars. */
static double bar_width(const panel *self)
{
    double range = weighted_quantile(self, 0.75) - weighted_quantile(self, 0.25);
    double width = 2 * range * pow(self->weight, -1.0 / 3);
    return ph_round_step(fmin(fmax(width, self->most / 60), self->most / 4) * 0.75);
}

/* Shares of the weight, in continuous time over the width. */
static int count_bars(const ph_plot *self, panel *it)
{
    it->width = it->shape == BARS ? 1 : bar_width(it);
    it->bars = (size_t)(it->most / it->width) + 1;
    it->height = ph_alloc(it->bars, sizeof *it->height);
    if (!it->height) {
        return ph_plot_no_memory(self);
    }
    for (size_t i = 0; i < it->n; i++) {
        it->height[(size_t)(it->row[i].time / it->width)] +=
            it->row[i].weight / (it->weight * it->width);
    }
    return PH_OK;
}

static int describe_data(const ph_plot *self, panel *it)
{
    if (it->shape != SURVIVAL) {
        return count_bars(self, it);
    }
    ph_error *error = &self->app->error;
    ph_error_file(error, self->set.job.data->file);
    int discrete = self->set.job.model->discrete;
    int status = it->intervals
                     ? ph_turnbull_init(&it->cells, it->n, it->row, discrete, error)
                     : ph_product_limit_init(&it->limit, it->n, it->row, error);
    error->file[0] = status == PH_OK ? '\0' : error->file[0];
    return status;
}

/* -------------------------------------------------------------- the prediction */

/* In discrete time whole steps. The density begins just after an atom at 0. */
static int place_points(const ph_plot *self, panel *it, double end)
{
    double step = end / (CURVE - 1);
    if (self->set.job.model->discrete) {
        step = fmax(1, ceil(step));
    }
    it->points = (size_t)(end / step * (1 + 1e-12)) + 1;
    it->at = ph_alloc(it->points, sizeof *it->at);
    it->band = ph_alloc(it->points, sizeof *it->band);
    if (!it->at || !it->band) {
        return ph_plot_no_memory(self);
    }
    for (size_t i = 0; i < it->points; i++) {
        it->at[i] = (double)i * step;
    }
    if (it->shape == HISTOGRAM) {
        it->at[0] = 1e-6 * end;
    }
    return PH_OK;
}

/* theta[count][p] of draws at equal distances. */
static double *take_draws(const ph_saved_job *set, size_t *count)
{
    size_t draws = set->saved->draws, p = set->saved->n_parameters;
    *count = draws < MOST_DRAWS ? draws : MOST_DRAWS;
    double *theta = ph_alloc(*count * p, sizeof *theta);
    for (size_t k = 0; theta && k < *count; k++) {
        memcpy(theta + k * p, set->theta + k * draws / *count * p, p * sizeof *theta);
    }
    return theta;
}

static int predict(const ph_plot *self, panel *it)
{
    const ph_job *job = &self->set.job;
    size_t draws;
    double *theta = take_draws(&self->set, &draws);
    double *value = ph_alloc(it->points * draws, sizeof *value);
    int status = theta && value ? PH_OK : ph_plot_no_memory(self);
    if (status == PH_OK) {
        status = ph_predictive_curve(
            job->part[it->part].plan,
            it->shape == SURVIVAL ? PH_PREDICT_SURVIVAL : PH_PREDICT_PDF, draws, theta,
            it->points, it->at, &job->device, value, &self->app->error);
    }
    for (size_t i = 0; i < it->points && status == PH_OK; i++) {
        it->band[i] = ph_band_of(draws, value + i * draws, self->level);
    }
    free(theta);
    free(value);
    return status;
}

/* Parts that hold the same quantity have one axis. */
static double find_end(const ph_plot *self, const panel *list, size_t k)
{
    const ph_data *data = self->set.job.data;
    double end = 0;
    for (size_t i = 0; i < data->n_parts; i++) {
        if (data->part[i].reward == data->part[k].reward) {
            end = fmax(end,
                       fmax(1.06 * list[i].most, (double)list[i].bars * list[i].width));
        }
    }
    return self->set.job.model->discrete ? ceil(end) : end;
}

/* Panels are there to be compared: one that shows the survival has all others do so. */
static void share_shape(size_t n, panel *list)
{
    shape all = list[0].shape;
    for (size_t k = 0; k < n; k++) {
        all = list[k].shape == SURVIVAL ? SURVIVAL : all;
    }
    for (size_t k = 0; k < n; k++) {
        list[k].shape = all;
    }
}

static int load_panels(const ph_plot *self, panel *list)
{
    size_t n = self->set.job.data->n_parts;
    int status = PH_OK;
    for (size_t k = 0; k < n; k++) {
        begin_panel(self, k, &list[k]);
    }
    share_shape(n, list);
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        status = describe_data(self, &list[k]);
    }
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        if (status == PH_OK) {
            status = place_points(self, &list[k], find_end(self, list, k));
        }
        if (status == PH_OK) {
            status = predict(self, &list[k]);
        }
    }
    return status;
}

/* ----------------------------------------------------------------- the figure */

static void add_band_row(ph_buffer *out, double at, const ph_band *band)
{
    ph_gnuplot_number(out, at);
    ph_gnuplot_number(out, band->mean);
    ph_gnuplot_number(out, band->lower);
    ph_gnuplot_number(out, band->upper);
    ph_buffer_add(out, "\n");
}

/* The survival of a model in discrete time stays what it is until the next step. */
static void add_band(const ph_plot *self, ph_buffer *out, const panel *it)
{
    int steps = it->shape == SURVIVAL && self->set.job.model->discrete;
    ph_buffer_addf(out, "$predicted%zu << EOD\n", it->part);
    for (size_t i = 0; i < it->points; i++) {
        if (steps && i > 0 && it->at[1] == 1) {
            add_band_row(out, it->at[i], &it->band[i - 1]);
        }
        add_band_row(out, it->at[i], &it->band[i]);
    }
    ph_buffer_add(out, "EOD\n");
}

/* The highest point of a panel with bars. */
static double find_top(const panel *it)
{
    double top = 0;
    for (size_t i = 0; i < it->bars; i++) {
        top = fmax(top, it->height[i]);
    }
    for (size_t i = 0; i < it->points; i++) {
        top = fmax(top, it->band[i].upper);
    }
    return 1.06 * top;
}

/* Bars by their middle; those of discrete times stand on the time. */
static void add_bars(ph_buffer *out, const panel *it)
{
    double middle = it->shape == BARS ? 0 : 0.5;
    ph_buffer_addf(out, "$data%zu << EOD\n", it->part);
    for (size_t i = 0; i < it->bars; i++) {
        ph_gnuplot_number(out, ((double)i + middle) * it->width);
        ph_gnuplot_number(out, it->height[i]);
        ph_buffer_add(out, "\n");
    }
    ph_buffer_add(out, "EOD\n");
}

static void plot_histogram(ph_buffer *out, const panel *it)
{
    add_bars(out, it);
    ph_buffer_addf(
        out,
        "set boxwidth %.8g\n"
        "plot $data%zu using 1:2 with boxes fillstyle solid border linecolor rgb "
        "'#FFFFFF' linewidth 0.5 fillcolor rgb " PH_PALE_GREY ", \\\n"
        "     $predicted%zu using 1:3:4 with filledcurves fillstyle transparent solid "
        "0.3 noborder linecolor rgb " PH_BLUE ", \\\n"
        "     $predicted%zu using 1:2 with lines linewidth 1.75 linecolor rgb " PH_BLUE
        "\n",
        it->width, it->part, it->part, it->part);
}

static void plot_bars(ph_buffer *out, const panel *it)
{
    add_bars(out, it);
    ph_buffer_addf(
        out,
        "set boxwidth 0.8\n"
        "plot $data%zu using 1:2 with boxes fillstyle solid noborder fillcolor rgb "
        "" PH_PALE_GREY ", \\\n"
        "     $predicted%zu using 1:3:(0):($4 - $3) with vectors nohead linewidth 1.5 "
        "linecolor rgb " PH_BLUE ", \\\n"
        "     $predicted%zu using 1:2 with points pointtype 7 pointsize 0.45 linecolor "
        "rgb " PH_BLUE "\n",
        it->part, it->part, it->part);
}

static void add_vertex(ph_buffer *out, double at, double survival)
{
    ph_gnuplot_number(out, at);
    ph_gnuplot_number(out, survival);
    ph_buffer_add(out, "\n");
}

/* Steps end with the last time on record. */
static void add_limit(ph_buffer *out, const panel *it)
{
    double survival = 1;
    for (size_t i = 0; i < it->limit.n; i++) {
        add_vertex(out, it->limit.time[i], survival);
        survival = it->limit.survival[i];
        add_vertex(out, it->limit.time[i], survival);
    }
    add_vertex(out, it->most, survival);
}

/* The line is interrupted where the data do not say when it falls. */
static void add_cells(ph_buffer *out, const panel *it)
{
    const ph_turnbull *cells = &it->cells;
    for (size_t k = 0; k < cells->n; k++) {
        add_vertex(out, cells->lower[k], cells->survival[k] + cells->mass[k]);
        if (isfinite(cells->upper[k])) {
            ph_buffer_add(out, cells->upper[k] > cells->lower[k] ? "\n" : "");
            add_vertex(out, cells->upper[k], cells->survival[k]);
        }
    }
    if (isfinite(cells->upper[cells->n - 1])) {
        add_vertex(out, it->most, 0);
    }
}

/* The steps begin at 1. */
static void add_steps(ph_buffer *out, const panel *it)
{
    ph_buffer_addf(out, "$data%zu << EOD\n 0 1\n", it->part);
    if (it->intervals) {
        add_cells(out, it);
    } else {
        add_limit(out, it);
    }
    ph_buffer_add(out, "EOD\n");
}

/* Boxes where the line is interrupted; 0 where it is nowhere. */
static int add_boxes(ph_buffer *out, const panel *it)
{
    const ph_turnbull *cells = &it->cells;
    int any = 0;
    ph_buffer_addf(out, "$open%zu << EOD\n", it->part);
    for (size_t k = 0; k < cells->n; k++) {
        if (isfinite(cells->upper[k]) && cells->upper[k] > cells->lower[k]) {
            ph_gnuplot_number(out, cells->lower[k]);
            ph_gnuplot_number(out, cells->upper[k]);
            ph_gnuplot_number(out, cells->survival[k]);
            ph_gnuplot_number(out, cells->survival[k] + cells->mass[k]);
            ph_buffer_add(out, "\n");
            any = 1;
        }
    }
    ph_buffer_add(out, "EOD\n");
    return any;
}

/* After a time on the steps, which is in no box. */
static double survival_at(const panel *it, double time)
{
    double survival = 1;
    for (size_t k = 0; k < it->limit.n && it->limit.time[k] <= time; k++) {
        survival = it->limit.survival[k];
    }
    for (size_t k = 0; k < it->cells.n && it->cells.upper[k] <= time; k++) {
        survival = it->cells.survival[k];
    }
    return survival;
}

/* A mark on the steps where a row is censored; 0 where none is. */
static int add_censored(ph_buffer *out, const panel *it)
{
    int any = 0;
    ph_buffer_addf(out, "$censored%zu << EOD\n", it->part);
    for (size_t i = 0; i < it->n; i++) {
        if (it->row[i].kind == PH_RIGHT_CENSORED) {
            add_vertex(out, it->row[i].time, survival_at(it, it->row[i].time));
            any = 1;
        }
    }
    ph_buffer_add(out, "EOD\n");
    return any;
}

static void plot_survival(ph_buffer *out, const panel *it)
{
    add_steps(out, it);
    int censored = add_censored(out, it), boxes = add_boxes(out, it);
    ph_buffer_addf(
        out,
        "plot $predicted%zu using 1:3:4 with filledcurves linecolor rgb " PH_PALE_BLUE,
        it->part);
    if (boxes) {
        ph_buffer_addf(
            out,
            ", \\\n     $open%zu using (($1 + $2) / 2):(($3 + $4) / 2):1:2:3:4 with "
            "boxxyerror fillstyle " SEE_THROUGH " linecolor rgb " PH_GREY,
            it->part);
    }
    ph_buffer_addf(
        out,
        ", \\\n     $predicted%zu using 1:2 with lines linewidth 1.75 linecolor "
        "rgb " PH_BLUE ", \\\n"
        "     $data%zu using 1:2 with lines linewidth 1.25 linecolor rgb " PH_BLACK,
        it->part, it->part);
    if (censored) {
        ph_buffer_addf(out,
                       ", \\\n     $censored%zu using 1:2 with points pointtype 1 "
                       "pointsize 0.7 linewidth 1 linecolor rgb " PH_BLACK,
                       it->part);
    }
    ph_buffer_add(out, "\n");
}

/* The group, where there are several; what was measured names the axis. */
static void add_labels(const ph_plot *self, ph_figure *figure, const panel *it)
{
    ph_buffer *out = &figure->text;
    static const char *const name[] = {"density", "probability",
                                       "survival probability"};
    const char *group = ph_saved_job_group(&self->set, it->part);
    const char *reward = ph_saved_job_reward(&self->set, it->part);
    ph_figure_y_name(figure, name[it->shape]);
    ph_buffer_add(out, "set xlabel ");
    ph_gnuplot_quote(out, reward);
    ph_buffer_add(out, " offset 0,0.3\n");
    if (group) {
        ph_buffer_add(out, "set title ");
        ph_gnuplot_quote(out, group);
        ph_buffer_add(out, " offset 0,-0.6 font ',11'\n");
    }
}

static void add_panel(const ph_plot *self, ph_figure *figure, const panel *list,
                      size_t k)
{
    const panel *it = &list[k];
    ph_buffer *out = &figure->text;
    double top = it->shape == SURVIVAL ? 1.02 : find_top(it);
    ph_figure_panel(figure, k / figure->columns, k % figure->columns);
    add_labels(self, figure, it);
    ph_figure_axis(figure, 'x', it->shape == BARS ? -0.6 : 0, find_end(self, list, k),
                   6);
    ph_figure_axis(figure, 'y', 0, top, it->shape == SURVIVAL ? 5.1 : 5);
    add_band(self, out, it);
    if (it->shape == SURVIVAL) {
        plot_survival(out, it);
    } else if (it->shape == BARS) {
        plot_bars(out, it);
    } else {
        plot_histogram(out, it);
    }
}

/* All panels are of one shape. */
static void add_key(const ph_plot *self, ph_figure *figure, const panel *list)
{
    int survival = list->shape == SURVIVAL, censored = 0, intervals = 0;
    char band[40];
    snprintf(band, sizeof band, "%.6g %% band", 100 * self->level);
    for (size_t i = 0; i < self->set.job.data->n; i++) {
        censored |= self->set.job.data->observation[i].kind == PH_RIGHT_CENSORED;
    }
    for (size_t k = 0; k < self->set.job.data->n_parts; k++) {
        intervals |= list[k].intervals;
    }
    if (survival) {
        ph_figure_key(figure, PH_MARK_LINE, PH_BLACK, "",
                      intervals ? "data (Turnbull)" : "data (Kaplan-Meier)");
    } else {
        ph_figure_key(figure, PH_MARK_AREA, PH_PALE_GREY, "", "data");
    }
    if (intervals) {
        ph_figure_key(figure, PH_MARK_AREA, PH_GREY, "fillstyle " SEE_THROUGH,
                      "undetermined");
    }
    if (censored) {
        ph_figure_key(figure, PH_MARK_POINT, PH_BLACK,
                      "pointtype 1 pointsize 0.7 linewidth 1", "censored");
    }
    if (list->shape == BARS) {
        ph_figure_key(figure, PH_MARK_POINT, PH_BLUE, "pointtype 7 pointsize 0.45",
                      "prediction");
        ph_figure_key(figure, PH_MARK_LINE, PH_BLUE, "", band);
        return;
    }
    ph_figure_key(figure, PH_MARK_LINE, PH_BLUE, "", "prediction");
    ph_figure_key(figure, PH_MARK_AREA, survival ? PH_PALE_BLUE : PH_BLUE,
                  survival ? "" : "fillstyle transparent solid 0.3 noborder", band);
}

static void draw(const ph_plot *self, ph_figure *figure, const panel *list)
{
    size_t n = self->set.job.data->n_parts;
    size_t columns = n == 4 ? 2 : n < MOST_COLUMNS ? n : MOST_COLUMNS;
    ph_buffer title = {0};
    ph_plot_title(self, "data and posterior prediction", &title);
    figure->left = 62;
    figure->label = 46;
    figure->right = 16;
    figure->top = self->set.job.data->n_groups > 0 ? 76 : 56;
    figure->bottom = 52;
    figure->gap_x = 70;
    figure->gap_y = 76;
    ph_figure_begin(figure, (n + columns - 1) / columns, columns,
                    columns == 1   ? 480
                    : columns == 2 ? 300
                                   : 230,
                    columns == 1 ? 260 : 200, title.text ? title.text : "");
    add_key(self, figure, list);
    for (size_t k = 0; k < n; k++) {
        add_panel(self, figure, list, k);
    }
    ph_figure_end(figure);
    figure->text.failed |= title.failed;
    ph_buffer_free(&title);
}

int ph_plot_data(const ph_plot *self, ph_figure *figure)
{
    size_t n = self->set.job.data->n_parts;
    panel *list = ph_alloc(n, sizeof *list);
    if (!list) {
        return ph_plot_no_memory(self);
    }
    int status = load_panels(self, list);
    if (status == PH_OK) {
        draw(self, figure, list);
    }
    for (size_t k = 0; k < n; k++) {
        free_panel(&list[k]);
    }
    free(list);
    return status;
}
