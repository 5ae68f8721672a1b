/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gnuplot reads its commands from an unnamed file and writes picture and messages to
 * two others: no shell, no names, and nothing that can block.
 */
#include "gnuplot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where title and key stand, in units of 1/96 inch. */
#define MARGIN     12.0
#define TITLE_LINE 16.0
#define KEY_LINE   36.0

extern char **environ;

/* ---------------------------------------------------------------- the script */

void ph_gnuplot_quote(ph_buffer *out, const char *text)
{
    ph_buffer_add(out, "'");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        char one = c < 32 || c == 127 ? ' ' : *text;
        ph_buffer_add_n(out, &one, 1);
        ph_buffer_add(out, c == '\'' ? "'" : "");
    }
    ph_buffer_add(out, "'");
}

void ph_gnuplot_number(ph_buffer *out, double x)
{
    if (isfinite(x)) {
        ph_buffer_addf(out, " %.8g", x);
    } else {
        ph_buffer_add(out, " NaN");
    }
}

double ph_round_step(double x)
{
    double power = pow(10, floor(log10(x)));
    static const double step[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        if (x <= step[i] * power * (1 + 1e-12)) {
            return step[i] * power;
        }
    }
    return 10 * power;
}

void ph_figure_begin(ph_figure *self, size_t rows, size_t columns, double panel_width,
                     double panel_height, const char *title)
{
    double r = (double)rows, c = (double)columns;
    self->rows = rows;
    self->columns = columns;
    if (self->width == 0) {
        self->width =
            self->left + c * panel_width + (c - 1) * self->gap_x + self->right;
    }
    if (self->height == 0) {
        self->height =
            self->top + r * panel_height + (r - 1) * self->gap_y + self->bottom;
    }
    ph_buffer_add(&self->text, "set multiplot\nset label 1 ");
    ph_gnuplot_quote(&self->text, title);
    ph_buffer_addf(&self->text, " at screen %.5f, screen %.5f left font ',12'\n",
                   MARGIN / self->width, 1 - TITLE_LINE / self->height);
}

/* "screen X, screen Y" of a point given from the top left. */
static void add_point(ph_figure *self, double x, double y)
{
    ph_buffer_addf(&self->text, "screen %.5f, screen %.5f", x / self->width,
                   1 - y / self->height);
}

/* Letters of the key are about 5.3 wide. */
void ph_figure_key(ph_figure *self, ph_mark mark, const char *colour, const char *style,
                   const char *name)
{
    double x = self->pen > 0 ? self->pen : MARGIN;
    size_t tag = 10 + self->entries++;
    ph_buffer *out = &self->text;
    ph_buffer_addf(out, "set %s %zu ",
                   mark == PH_MARK_LINE   ? "arrow"
                   : mark == PH_MARK_AREA ? "object"
                                          : "label",
                   tag);
    if (mark == PH_MARK_POINT) {
        ph_buffer_add(out, "\"\" at ");
        add_point(self, x + 9, KEY_LINE);
        ph_buffer_addf(out, " point %s linecolor rgb %s\n", style, colour);
    } else {
        double half = mark == PH_MARK_AREA ? 5 : 0;
        ph_buffer_add(out, half > 0 ? "rectangle from " : "from ");
        add_point(self, x, KEY_LINE + half);
        ph_buffer_add(out, " to ");
        add_point(self, x + 18, KEY_LINE - half);
        ph_buffer_addf(out,
                       half > 0 ? " fillcolor rgb %s %s\n"
                                : " nohead linewidth 1.5 linecolor rgb %s %s\n",
                       colour,
                       half > 0 && !*style ? "fillstyle solid noborder" : style);
    }
    ph_buffer_addf(out, "set label %zu ", tag + 20);
    ph_gnuplot_quote(out, name);
    ph_buffer_add(out, " at ");
    add_point(self, x + 24, KEY_LINE);
    ph_buffer_add(out, " left font ',10'\n");
    self->pen = x + 24 + 5.3 * (double)strlen(name) + 18;
}

void ph_figure_note(ph_figure *self, const char *text)
{
    ph_buffer_add(&self->text, "set label 2 ");
    ph_gnuplot_quote(&self->text, text);
    ph_buffer_add(&self->text, " at ");
    add_point(self, MARGIN, KEY_LINE);
    ph_buffer_add(&self->text, " left font ',10'\n");
}

void ph_figure_panel(ph_figure *self, size_t row, size_t column)
{
    double r = (double)self->rows, c = (double)self->columns;
    double w = (self->width - self->left - self->right - (c - 1) * self->gap_x) / c;
    double h = (self->height - self->top - self->bottom - (r - 1) * self->gap_y) / r;
    self->x = self->left + (double)column * (w + self->gap_x);
    self->y = self->top + (double)row * (h + self->gap_y);
    self->panel_width = w;
    self->panel_height = h;
    ph_buffer_addf(
        &self->text,
        "\n%sset lmargin at screen %.5f; set rmargin at screen %.5f\n"
        "set tmargin at screen %.5f; set bmargin at screen %.5f\n",
        self->panels > 0 ? "unset label; unset arrow; unset object; unset title\n" : "",
        self->x / self->width, (self->x + w) / self->width, 1 - self->y / self->height,
        1 - (self->y + h) / self->height);
    self->panels++;
}

void ph_figure_y_name(ph_figure *self, const char *name)
{
    ph_buffer_add(&self->text, "set label 3 ");
    ph_gnuplot_quote(&self->text, name);
    ph_buffer_add(&self->text, " at ");
    add_point(self, self->x - self->label, self->y + 0.5 * self->panel_height);
    ph_buffer_add(&self->text, " center rotate by 90\n");
}

/* How many multiples of a step lie in a range. */
static double count_steps(double from, double to, double step)
{
    return floor(to / step * (1 + 1e-12)) - ceil(from / step * (1 - 1e-12)) + 1;
}

/* One number alone says nothing of a scale: there are at least two. */
void ph_figure_axis(ph_figure *self, char axis, double from, double to, double count)
{
    double step = ph_round_step((to - from) / count);
    for (int finer = 0; finer < 3 && count_steps(from, to, step) < 2; finer++) {
        step = ph_round_step(0.4 * step);
    }
    ph_buffer_addf(&self->text,
                   "set %crange [%.8g:%.8g]; set %ctics nomirror out scale 0.6 %.8g\n",
                   axis, from, to, axis, step);
}

void ph_figure_end(ph_figure *self)
{
    ph_buffer_add(&self->text, "\nunset multiplot\n");
}

/* A PNG has 3 dots for a unit, 288 an inch; PDFs are measured in inches. */
static void add_terminal(const ph_figure *figure, const char *format, ph_buffer *out)
{
    double w = figure->width, h = figure->height;
    if (strcmp(format, "svg") == 0) {
        ph_buffer_addf(out,
                       "set terminal svg size %.0f,%.0f font 'sans,11' noenhanced "
                       "background '#FFFFFF'\n",
                       w, h);
    } else if (strcmp(format, "png") == 0) {
        ph_buffer_addf(
            out,
            "set terminal pngcairo size %.0f,%.0f fontscale 2.25 linewidth 3 "
            "pointscale 3 font 'sans,11' noenhanced background "
            "'#FFFFFF'\n",
            3 * w, 3 * h);
    } else {
        ph_buffer_addf(
            out,
            "set terminal pdfcairo size %.4fin,%.4fin fontscale 0.5625 linewidth "
            "1 font 'sans,11' noenhanced background '#FFFFFF'\n",
            w / 96, h / 96);
    }
}

void ph_gnuplot_script(const ph_figure *figure, const char *format, const char *output,
                       ph_buffer *out)
{
    ph_buffer_add(out, "# Draws with gnuplot 5.\n"
                       "set encoding utf8\n");
    add_terminal(figure, format, out);
    if (output) {
        ph_buffer_add(out, "set output ");
        ph_gnuplot_quote(out, output);
        ph_buffer_add(out, "\n");
    }
    ph_buffer_add(
        out, "set datafile missing 'NaN'\n"
             "set border 3 linewidth 0.75 linecolor rgb " PH_BLACK "\n"
             "set tics nomirror out scale 0.6 font ',10' textcolor rgb " PH_BLACK "\n"
             "set format '%g'; set minussign\n"
             "unset key\n");
    ph_buffer_add_n(out, figure->text.text, figure->text.length);
    out->failed |= figure->text.failed;
}

/* ---------------------------------------------------------------- the program */

typedef struct channel {
    FILE *in, *out, *err; /* unnamed temporary files */
} channel;

static void close_channel(channel *self)
{
    FILE *const list[] = {self->in, self->out, self->err};
    for (int i = 0; i < 3; i++) {
        if (list[i]) {
            fclose(list[i]);
        }
    }
}

static int open_channel(channel *self, const ph_buffer *script, ph_error *error)
{
    *self = (channel){tmpfile(), tmpfile(), tmpfile()};
    int good = self->in && self->out && self->err &&
               fwrite(script->text, 1, script->length, self->in) == script->length &&
               fflush(self->in) == 0 && fseek(self->in, 0, SEEK_SET) == 0;
    return good ? PH_OK
                : ph_error_set(error, PH_E_WRITE,
                               "temporary files for gnuplot cannot be written: %s",
                               strerror(errno));
}

static int read_back(FILE *file, ph_buffer *out)
{
    char block[4096];
    size_t n;
    rewind(file);
    while ((n = fread(block, 1, sizeof block, file)) > 0) {
        ph_buffer_add_n(out, block, n);
    }
    return ferror(file) ? PH_E_INTERNAL : out->failed ? PH_E_MEMORY : PH_OK;
}

/* Starts gnuplot without the settings of the user; 0, or what errno would say. */
static int start(const channel *self, pid_t *child)
{
    char *const argv[] = {"gnuplot", "--default-settings", "-", NULL};
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) {
        return code;
    }
    FILE *const list[] = {self->in, self->out, self->err};
    for (int i = 0; i < 3 && code == 0; i++) {
        code = posix_spawn_file_actions_adddup2(&actions, fileno(list[i]), i);
    }
    if (code == 0) {
        code = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static int no_gnuplot(int code, ph_error *error)
{
    if (code == ENOENT) {
        return ph_error_set(error, PH_E_FEATURE,
                            "pictures are drawn by gnuplot, which is not installed "
                            "(Debian's package gnuplot-nox); --script FILE writes the "
                            "commands for it");
    }
    return ph_error_set(error, PH_E_FEATURE, "gnuplot cannot be started: %s",
                        strerror(code));
}

/* The last line that says something: gnuplot shows the command and a caret first. */
static int gnuplot_failed(const channel *self, ph_error *error)
{
    ph_buffer text = {0};
    char *save = NULL, *last = "it gives no reason";
    (void)read_back(self->err, &text);
    for (char *line = text.text ? strtok_r(text.text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        last = strspn(line, " \t^") < strlen(line) ? line : last;
    }
    int feature = strstr(last, "unknown or ambiguous terminal") != NULL;
    ph_error_set(error, feature ? PH_E_FEATURE : PH_E_INTERNAL, "gnuplot fails: %s",
                 last + strspn(last, " \t"));
    ph_buffer_free(&text);
    return error->status;
}

static int wait_for(pid_t child)
{
    int state = 0;
    while (waitpid(child, &state, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

int ph_gnuplot_run(const ph_buffer *script, ph_buffer *picture, ph_error *error)
{
    channel files;
    pid_t child;
    int status = open_channel(&files, script, error);
    if (status == PH_OK) {
        int code = start(&files, &child);
        status = code != 0              ? no_gnuplot(code, error)
                 : wait_for(child) != 0 ? gnuplot_failed(&files, error)
                                        : PH_OK;
    }
    if (status == PH_OK) {
        status = read_back(files.out, picture);
        if (status == PH_OK && picture->length == 0) {
            status = gnuplot_failed(&files, error);
        }
    }
    close_channel(&files);
    return status == PH_OK ? PH_OK
                           : ph_error_set(error, status,
                                          "the picture of gnuplot "
                                          "cannot be read back");
}
