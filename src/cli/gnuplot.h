/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_GNUPLOT_H
#define PHASIC_CLI_GNUPLOT_H

#include <stddef.h>

#include "phasic/base/buffer.h"
#include "phasic/base/error.h"

/* Writing scripts for gnuplot, and running it. */

/* Colours that the colour-blind tell apart (Okabe and Ito 2008), and greys. */
#define PH_BLUE      "'#0072B2'"
#define PH_PALE_BLUE "'#CCE3F0'" /* blue at a fifth, which no format has to mix */
#define PH_RED       "'#D55E00'"
#define PH_BLACK     "'#202020'"
#define PH_GREY      "'#808080'"
#define PH_PALE_GREY "'#D4D4D4'"

/* Lengths of a figure are in units of 1/96 inch. */
typedef struct ph_figure {
    ph_buffer text; /* the commands, without the terminal */
    double width, height;
    size_t rows, columns;
    double left, right, top, bottom;        /* around the panels */
    double gap_x, gap_y;                    /* between them */
    double label;                           /* from the name of a y axis to the axis */
    size_t panels;                          /* begun so far */
    double x, y, panel_width, panel_height; /* of the last one, from the top left */
    double pen;                             /* where the next entry of the key begins */
    size_t entries;                         /* of the key */
} ph_figure;

/*
 * Settles the size of a figure whose margins and gaps are set, from that of a panel or,
 * where they are not 0, from the `width` and `height` already there; begins the
 * commands with the title on the left of the top margin.
 */
void ph_figure_begin(ph_figure *self, size_t rows, size_t columns, double panel_width,
                     double panel_height, const char *title);
/*
 * The line below the title, before the first panel: entries of a key from left to
 * right, or a text. `style` is what gnuplot makes of the colour: dashtype, or
 * pointtype.
 */
typedef enum ph_mark { PH_MARK_LINE, PH_MARK_AREA, PH_MARK_POINT } ph_mark;
void ph_figure_key(ph_figure *self, ph_mark mark, const char *colour, const char *style,
                   const char *name);
void ph_figure_note(ph_figure *self, const char *text);
/* The next panel stands in this row and column, from the top left one. */
void ph_figure_panel(ph_figure *self, size_t row, size_t column);
/* The name of the y axis of the last panel, which reads upwards. */
void ph_figure_y_name(ph_figure *self, const char *name);
/*
 * `set xrange` and `set xtics`, or those of y, with about `count` steps of 1, 2 or 5,
 * and two numbers at least.
 */
void ph_figure_axis(ph_figure *self, char axis, double from, double to, double count);
void ph_figure_end(ph_figure *self);

/* 1, 2 or 5 times a power of ten, the least one of at least x > 0. */
double ph_round_step(double x);

/* A string of gnuplot with its quotes; control characters become blanks. */
void ph_gnuplot_quote(ph_buffer *out, const char *text);
/* A number of a data block; NaN where it is not finite. */
void ph_gnuplot_number(ph_buffer *out, double x);

/*
 * The whole script of a figure in a format, "svg", "png" or "pdf"; `output` NULL: to
 * the standard output.
 */
void ph_gnuplot_script(const ph_figure *figure, const char *format, const char *output,
                       ph_buffer *out);
/*
 * The picture that a script writes to the standard output. PH_E_FEATURE where there is
 * no gnuplot or it cannot draw the format, PH_E_INTERNAL with its message where it
 * fails, PH_E_WRITE where there is no room for temporary files, PH_E_MEMORY.
 */
int ph_gnuplot_run(const ph_buffer *script, ph_buffer *picture, ph_error *error);

#endif
