/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic plot: pictures of a saved fit. A figure is a script for gnuplot that holds its
 * data; what is drawn is read back from gnuplot and written as every other result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "phasic/base/memory.h"
#include "phasic/report/draws.h"
#include "phasic/report/table.h"
#include "plot.h"

/* clang-format off */
const ph_option ph_plot_options[] = {
    {"kind", 0, PH_OPTION_CHOICE, "marginals|pairs|data|convergence|all", "marginals", 0, 0,
     0, "what is shown; all makes a picture of each kind that the\nfit has"},
    {"output", 'o', PH_OPTION_TEXT, "FILE", NULL, 0, 0, 0,
     "name of the picture, which ends in .svg, .png or .pdf;\nof all kinds the kind stands "
     "before that ending\n[FIT_KIND.svg]"},
    {"picture", 0, PH_OPTION_CHOICE, "svg|png|pdf", NULL, 0, 0, 0,
     "format of the picture, where the name does not say it"},
    {"script", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, 0,
     "write the commands for gnuplot, with their data, to\nFILE, and draw nothing"},
    {"parameters", 0, PH_OPTION_TEXT, "NAME,...", NULL, 0, 0, 0,
     "parameters and derived quantities of marginals and\npairs, in this order"},
    {"level", 0, PH_OPTION_REAL, "X", "0.9", 0.001, 0.999999, 0,
     "probability that intervals and bands hold"},
    {"width", 0, PH_OPTION_WHOLE, "N", NULL, 100, 10000, 0,
     "width in units of 1/96 inch"},
    {"height", 0, PH_OPTION_WHOLE, "N", NULL, 100, 10000, 0,
     "height in units of 1/96 inch"},
    {"force", 'f', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "overwrite existing files"},
    {"model", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ,
     "where the model lies now, if not where the fit found it"},
    {"data", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ,
     "where the data lie now, if not where the fit found them"},
    PH_OPTION_END};
/* clang-format on */

#define KINDS 4

static const struct {
    const char *name;
    int (*draw)(const ph_plot *self, ph_figure *figure);
} kinds[KINDS] = {{"marginals", ph_plot_marginals},
                  {"pairs", ph_plot_pairs},
                  {"data", ph_plot_data},
                  {"convergence", ph_plot_convergence}};

/* One picture to be made. */
typedef struct picture {
    size_t kind;
    char *path, *script; /* script NULL: it is drawn */
} picture;

typedef struct request {
    ph_plot plot;
    const char *format;
    int all;
    size_t n;
    picture list[KINDS];
} request;

int ph_plot_no_memory(const ph_plot *self)
{
    return ph_error_set(&self->app->error, PH_E_MEMORY, "out of memory");
}

void ph_plot_title(const ph_plot *self, const char *what, ph_buffer *out)
{
    const char *name = self->set.saved->model_name;
    if (name) {
        ph_buffer_addf(out, "%s: ", name);
    }
    ph_buffer_add(out, what);
}

/* -------------------------------------------------------------------- names */

/* Where the ending of a file's name begins, or its end. */
static size_t find_ending(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    int has = dot && dot > (slash ? slash + 1 : path);
    return has ? (size_t)(dot - path) : strlen(path);
}

/* The format that --output and --picture agree on. */
static int find_format(request *self)
{
    static const char *const known[] = {"svg", "png", "pdf"};
    ph_app *app = self->plot.app;
    const char *path = ph_options_text(&app->options, "output");
    const char *ending = path ? path + find_ending(path) : "";
    self->format = ph_options_text(&app->options, "picture");
    for (int i = 0; i < 3; i++) {
        if (*ending && strcmp(ending + 1, known[i]) == 0) {
            int agree = !self->format || strcmp(self->format, known[i]) == 0;
            self->format = known[i];
            return agree ? PH_OK
                         : ph_error_set(&app->error, PH_E_USAGE,
                                        "--output names a picture of another format "
                                        "than --picture");
        }
    }
    if (path && !self->format && strcmp(path, "-") != 0) {
        ph_error_place(&app->error, "--output");
        ph_error_found(&app->error, path, -1);
        return ph_error_set(&app->error, PH_E_USAGE,
                            "the name must end in .svg, .png or .pdf, or --picture "
                            "name the format");
    }
    self->format = self->format ? self->format : "svg";
    return PH_OK;
}

/* A name with "_KIND" before its ending where several pictures are asked for. */
static int name_kind(const request *self, const char *path, const char *kind,
                     char **name)
{
    size_t end = find_ending(path);
    int failed = self->all
                     ? asprintf(name, "%.*s_%s%s", (int)end, path, kind, path + end) < 0
                     : !(*name = ph_strdup(path));
    *name = failed ? NULL : *name;
    return failed ? ph_plot_no_memory(&self->plot) : PH_OK;
}

static int name_picture(const request *self, picture *it)
{
    const ph_options *options = &self->plot.app->options;
    const char *path = ph_options_text(options, "output");
    const char *script = ph_options_text(options, "script");
    const char *kind = kinds[it->kind].name;
    int status = PH_OK;
    if (path) {
        status = name_kind(self, path, kind, &it->path);
    } else if (asprintf(&it->path, "%s_%s.%s", self->plot.set.saved->prefix, kind,
                        self->format) < 0) {
        it->path = NULL;
        status = ph_plot_no_memory(&self->plot);
    }
    return status == PH_OK && script ? name_kind(self, script, kind, &it->script)
                                     : status;
}

/* What the fit consists of, and what it was made from, is never written over. */
static int check_not_source(const request *self, const char *path)
{
    const ph_saved *saved = self->plot.set.saved;
    const ph_options *options = &self->plot.app->options;
    const char *const source[] = {saved->json_path,
                                  saved->csv_path,
                                  saved->model.path,
                                  saved->data.path,
                                  ph_options_text(options, "model"),
                                  ph_options_text(options, "data")};
    struct stat output, input;
    for (size_t i = 0; i < sizeof source / sizeof *source; i++) {
        if (source[i] && stat(path, &output) == 0 && stat(source[i], &input) == 0 &&
            output.st_dev == input.st_dev && output.st_ino == input.st_ino) {
            ph_error_file(&self->plot.app->error, path);
            return ph_error_set(&self->plot.app->error, PH_E_CREATE,
                                "is an input of this run; choose another FILE");
        }
    }
    return PH_OK;
}

/* Nothing is drawn where one of the files cannot be written. */
static int name_pictures(request *self)
{
    int status = PH_OK;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        picture *it = &self->list[i];
        status = name_picture(self, it);
        const char *path = it->script ? it->script : it->path;
        if (status == PH_OK) {
            status = check_not_source(self, path);
        }
        if (status == PH_OK) {
            status = ph_output_check(self->plot.app, path, "FILE");
        }
    }
    return status;
}

/* -------------------------------------------------------------- what is asked for */

static int is_stream(const ph_app *app, const char *name)
{
    const char *text = ph_options_text(&app->options, name);
    return text && strcmp(text, "-") == 0;
}

static int read_request(request *self)
{
    ph_app *app = self->plot.app;
    const char *kind = ph_options_text(&app->options, "kind");
    self->all = strcmp(kind, "all") == 0;
    for (size_t k = 0; k < KINDS; k++) {
        if (self->all || strcmp(kind, kinds[k].name) == 0) {
            self->list[self->n++].kind = k;
        }
    }
    if (self->all && (is_stream(app, "output") || is_stream(app, "script"))) {
        return ph_error_set(&app->error, PH_E_USAGE,
                            "the pictures of all kinds cannot go to the standard "
                            "output together; choose one --kind");
    }
    int of_draws = self->all || self->list[0].kind < 2;
    if (ph_options_text(&app->options, "parameters") && !of_draws) {
        ph_error_place(&app->error, "--parameters");
        return ph_error_set(&app->error, PH_E_USAGE,
                            "chooses what marginals and pairs show; %s shows none",
                            kind);
    }
    return find_format(self);
}

/* The convergence needs neither model nor data. */
static int load(request *self)
{
    ph_plot *plot = &self->plot;
    ph_app *app = plot->app;
    const char *name = app->options.argument[0];
    int history =
        !self->all && strcmp(kinds[self->list[0].kind].name, "convergence") == 0;
    int status = history ? ph_saved_read(&plot->set.saved, name, &app->error)
                         : ph_saved_job_load(&plot->set, app, name,
                                             ph_options_text(&app->options, "model"),
                                             ph_options_text(&app->options, "data"));
    if (status == PH_OK && !history && plot->set.saved->draws < 2) {
        ph_error_file(&app->error, plot->set.saved->csv_path);
        status = ph_error_set(&app->error, PH_E_DATA,
                              "holds a single point, not draws of a posterior");
    }
    if (status == PH_OK && !plot->set.saved->converged) {
        ph_talk_warn(&app->talk, "the fit has not converged");
    }
    return status;
}

static int add_row(ph_plot *self, const char *name)
{
    const ph_saved *saved = self->set.saved;
    long row = ph_saved_row(saved, name);
    int varies = 0, again = 0;
    for (size_t i = 0; row >= 0 && i < saved->n_correlated; i++) {
        varies |= saved->correlated[i] == (size_t)row;
    }
    for (size_t i = 0; i < self->n; i++) {
        again |= self->row[i] == (size_t)row;
    }
    if (!varies || again) {
        ph_error_place(&self->app->error, "--parameters");
        ph_error_found(&self->app->error, name, -1);
        return ph_error_set(
            &self->app->error, PH_E_USAGE,
            row < 0 ? "the fit has no such parameter or derived quantity"
            : again ? "stands there twice"
            : saved->row[row].not_finite ? "has no value at some points of this fit"
                                         : "does not vary in this fit");
    }
    self->row[self->n++] = (size_t)row;
    return PH_OK;
}

static int find_rows(ph_plot *self)
{
    const ph_saved *saved = self->set.saved;
    const char *names = ph_options_text(&self->app->options, "parameters");
    self->row = ph_alloc(saved->n_correlated, sizeof *self->row);
    char *copy = ph_strdup(names ? names : ""), *save = NULL;
    int status = self->row && copy ? PH_OK : ph_plot_no_memory(self);
    self->chosen = names != NULL;
    for (size_t i = 0; status == PH_OK && !names && i < saved->n_correlated; i++) {
        if (saved->draws < 2 || ph_draws_vary(saved, saved->correlated[i])) {
            self->row[self->n++] = saved->correlated[i];
        }
    }
    for (char *name = names && copy ? strtok_r(copy, ",", &save) : NULL;
         name && status == PH_OK; name = strtok_r(NULL, ",", &save)) {
        status = add_row(self, name);
    }
    free(copy);
    if (status == PH_OK && self->n == 0) {
        status =
            ph_error_set(&self->app->error, PH_E_USAGE, "there is no quantity to show");
    }
    return status;
}

/* ------------------------------------------------------------------- drawing */

/* Why a fit has no picture of a kind; NULL: it has one. */
static const char *why_not(const ph_plot *self, size_t kind)
{
    const char *name = kinds[kind].name;
    if (strcmp(name, "pairs") == 0 && self->n < 2) {
        return "one quantity varies";
    }
    if (strcmp(name, "convergence") == 0 && self->set.saved->n_history == 0) {
        return "the fit has no history of iterations";
    }
    return NULL;
}

/* All kinds are those that the fit has. */
static void leave_out(request *self)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++) {
        const char *why = self->all ? why_not(&self->plot, self->list[i].kind) : NULL;
        if (why) {
            ph_talk_warn(&self->plot.app->talk, "there is no picture of %s: %s",
                         kinds[self->list[i].kind].name, why);
        } else {
            self->list[n++] = self->list[i];
        }
    }
    self->n = n;
}

/* The picture, or in its place the script that draws it, as the bytes of a file. */
static int make_bytes(const request *self, const picture *it, ph_figure *figure,
                      ph_buffer *bytes)
{
    ph_buffer script = {0};
    ph_error *error = &self->plot.app->error;
    const char *output = it->script && strcmp(it->path, "-") != 0 ? it->path : NULL;
    ph_gnuplot_script(figure, self->format, output, &script);
    int status = script.failed ? ph_plot_no_memory(&self->plot) : PH_OK;
    if (status == PH_OK && it->script) {
        ph_buffer_add_n(bytes, script.text, script.length);
    } else if (status == PH_OK) {
        status = ph_gnuplot_run(&script, bytes, error);
    }
    ph_buffer_free(&script);
    return status;
}

static int make_picture(const request *self, const picture *it)
{
    ph_app *app = self->plot.app;
    ph_buffer bytes = {0};
    ph_figure figure = {.width = (double)ph_options_whole(&app->options, "width"),
                        .height = (double)ph_options_whole(&app->options, "height")};
    int status = kinds[it->kind].draw(&self->plot, &figure);
    if (status == PH_OK) {
        status = make_bytes(self, it, &figure, &bytes);
    }
    if (status == PH_OK) {
        status = ph_app_write(app, it->script ? it->script : it->path, &bytes);
    }
    ph_buffer_free(&figure.text);
    ph_buffer_free(&bytes);
    return status;
}

static void print_json(const request *self)
{
    ph_json json;
    ph_json_init(&json, &self->plot.app->out);
    ph_json_object(&json, NULL);
    ph_json_text(&json, "fit", self->plot.set.saved->prefix);
    ph_json_array(&json, "written");
    for (size_t i = 0; i < self->n; i++) {
        const picture *it = &self->list[i];
        ph_json_object(&json, NULL);
        ph_json_text(&json, "kind", kinds[it->kind].name);
        ph_json_text(&json, "file", it->script ? it->script : it->path);
        ph_json_close(&json);
    }
    ph_json_close(&json);
    ph_json_close(&json);
}

static void print_table(const request *self)
{
    ph_table table = {0};
    ph_table_head(&table, "kind");
    ph_table_head(&table, "file");
    for (size_t i = 0; i < self->n; i++) {
        const picture *it = &self->list[i];
        ph_table_text(&table, kinds[it->kind].name);
        ph_table_text(&table, it->script ? it->script : it->path);
    }
    ph_table_write_csv(&table, &self->plot.app->out);
    ph_table_free(&table);
}

/* What was written, where it has not gone to the standard output itself. */
static void print_written(const request *self)
{
    ph_app *app = self->plot.app;
    const char *format = ph_options_text(&app->options, "format");
    const picture *first = &self->list[0];
    if (strcmp(first->script ? first->script : first->path, "-") == 0) {
        return;
    }
    if (strcmp(format, "json") == 0) {
        print_json(self);
    } else if (strcmp(format, "csv") == 0) {
        print_table(self);
    } else {
        for (size_t i = 0; i < self->n; i++) {
            const picture *it = &self->list[i];
            ph_buffer_addf(&app->out, "%s%s",
                           i ? ", " : "Written: ", it->script ? it->script : it->path);
        }
        ph_buffer_add(&app->out, "\n");
    }
}

int ph_cmd_plot(ph_app *app)
{
    request self = {
        .plot = {.app = app, .level = ph_options_real(&app->options, "level")}};
    int status = read_request(&self);
    if (status == PH_OK) {
        status = load(&self);
    }
    if (status == PH_OK) {
        status = find_rows(&self.plot);
    }
    if (status == PH_OK) {
        leave_out(&self);
        status = name_pictures(&self);
    }
    for (size_t i = 0; i < self.n && status == PH_OK; i++) {
        status = make_picture(&self, &self.list[i]);
    }
    if (status == PH_OK) {
        print_written(&self);
    }
    for (size_t i = 0; i < self.n; i++) {
        free(self.list[i].path);
        free(self.list[i].script);
    }
    free(self.plot.row);
    ph_saved_job_free(&self.plot.set);
    return status;
}
