/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_CLASSICAL_H
#define PHASIC_SVGD_CLASSICAL_H

#include <stddef.h>

/*
 * Settings of classical SVGD (Liu & Wang 2016): every particle moves by a learning rate
 * times the optimiser's step along phi_i = (1/P) sum_j [k(x_j, x_i) s_j + grad_{x_j}
 * k(x_j, x_i)]. Each table gives the constants and the words that users write for them.
 */
#define PH_SHAPE_TABLE(X)                                                              \
    X(PH_SHAPE_RBF, "rbf") /* exp(-r^2 / (2 h^2)) */                                   \
    X(PH_SHAPE_IMQ, "imq") /* (1 + r^2 / (2 h^2))^(-1/2) */

/* r^2 = (x - y)' A (x - y) with A the unit matrix, the inverse variances of the
 * particles, or the inverse of their covariance. */
#define PH_METRIC_TABLE(X)                                                             \
    X(PH_METRIC_IDENTITY, "identity")                                                  \
    X(PH_METRIC_DIAGONAL, "diagonal")                                                  \
    X(PH_METRIC_MATRIX, "matrix")

/*
 * With m the median over pairs of r: h^2 = m^2 / 2; h^2 = m^2 / (2 log(P + 1)); one h_k
 * for each coordinate, h_k^2 = d m_k^2 / 2; or a number.
 */
#define PH_BANDWIDTH_TABLE(X)                                                          \
    X(PH_BANDWIDTH_MEDIAN, "median")                                                   \
    X(PH_BANDWIDTH_MEDIAN_LOG, "median-log")                                           \
    X(PH_BANDWIDTH_PER_DIMENSION, "per-dimension")                                     \
    X(PH_BANDWIDTH_NUMBER, "NUMBER")

#define PH_OPTIMISER_TABLE(X)                                                          \
    X(PH_OPTIMISER_SGD, "sgd")                                                         \
    X(PH_OPTIMISER_MOMENTUM, "momentum")                                               \
    X(PH_OPTIMISER_ADAM, "adam")                                                       \
    X(PH_OPTIMISER_ADAGRAD, "adagrad")                                                 \
    X(PH_OPTIMISER_RMSPROP, "rmsprop")

/* The learning rate in iteration t = 0, 1, ...: see ph_schedule_rate. */
#define PH_SCHEDULE_TABLE(X)                                                           \
    X(PH_SCHEDULE_CONSTANT, "constant")                                                \
    X(PH_SCHEDULE_EXPONENTIAL, "exponential")                                          \
    X(PH_SCHEDULE_WARM_UP, "warm-up")                                                  \
    X(PH_SCHEDULE_ADAPTIVE, "adaptive")

/* The weight of the penalty: the same throughout, or falling on a line to 0, which it
 * reaches in the last iteration. */
#define PH_FADE_TABLE(X)                                                               \
    X(PH_FADE_CONSTANT, "constant")                                                    \
    X(PH_FADE_LINEAR, "linear")

#define PH_CHOICE(constant, name) constant,
typedef enum ph_shape { PH_SHAPE_TABLE(PH_CHOICE) } ph_shape;
typedef enum ph_metric { PH_METRIC_TABLE(PH_CHOICE) } ph_metric;
typedef enum ph_bandwidth { PH_BANDWIDTH_TABLE(PH_CHOICE) } ph_bandwidth;
typedef enum ph_optimiser { PH_OPTIMISER_TABLE(PH_CHOICE) } ph_optimiser;
typedef enum ph_schedule { PH_SCHEDULE_TABLE(PH_CHOICE) } ph_schedule;
typedef enum ph_fade { PH_FADE_TABLE(PH_CHOICE) } ph_fade;
#undef PH_CHOICE

/*
 * A penalty >= 0 that steers the particles: value[n] and gradient[n][d] at z[n][d]; the
 * particles follow log p - weight * value. Verdict and correction leave it out. A point
 * without a finite penalty has value 0 and gradient 0. Returns 0 or an error.
 */
typedef struct ph_penalty {
    void *context;
    int (*eval)(void *context, size_t n, const double *z, double *value,
                double *gradient);
} ph_penalty;

typedef struct ph_classical {
    ph_shape shape;
    int linear; /* add 1 + (x - mean)' A (y - mean) c, with c such that its mean is d */
    ph_metric metric;
    ph_bandwidth bandwidth;
    double length; /* h of PH_BANDWIDTH_NUMBER */
    ph_optimiser optimiser;
    double learning_rate;
    ph_schedule schedule;
    double schedule_time; /* iterations */
    double schedule_last; /* rate that exponential and adaptive do not fall below */
    size_t iterations;
    const ph_penalty *penalty; /* NULL: none */
    double penalty_weight;
    ph_fade fade;
} ph_classical;

#endif
