/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_SVGD_H
#define PHASIC_SVGD_SVGD_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/base/log.h"
#include "phasic/svgd/classical.h"

/*
 * Posterior sampling by Stein variational gradient descent, in unconstrained
 * coordinates z. The target is a callback; this folder knows no model.
 *
 * Arrays of points are row-major [point][dimension].
 */
typedef struct ph_target {
    void *context;
    size_t d;
    /*
     * log_p[n] and, if score is not NULL, score[n][d] = grad_z log p at z[n][d]. A
     * point outside the model has log_p = -inf (never NaN) and a zero score. The values
     * of a point must depend on the batch only in ways that do not involve threads or
     * devices. Returns 0 or an error.
     */
    int (*eval)(void *context, size_t n, const double *z, double *log_p, double *score);
    /*
     * Draws one point from a broad law that covers the posterior, number `index` of the
     * stream. Points 0, 1 and those with even numbers may be moved to where the data
     * are; odd numbers from 3 on are plain draws from the prior. Returns 0; used for
     * the starts of the mode search, and for particles that start at the prior.
     */
    int (*start)(void *context, uint64_t seed, uint32_t index, double *z);
    /* Name of dimension k, and of reported column k from d on, for sentences; may be
     * NULL. */
    const char *(*name)(void *context, size_t k);
    /*
     * value[n][d + n_derived]: the coordinates of z[n][d] on the scale that is
     * reported, each a function of its own z, then quantities that are functions of all
     * of them. The verdict then holds for the means and standard deviations of all
     * these too. Returns 0 or PH_E_MEMORY. May be NULL: z is what is reported.
     */
    int (*natural)(void *context, size_t n, const double *z, double *value);
    size_t n_derived; /* 0 without natural */
} ph_target;

/*
 * Which algorithm moves the particles. PH_SVGD_DEFAULT is all four stages. With the
 * others, stage 1 finds the modes, the particles move as asked and are the result,
 * unless `correct` asks for stages 3 and 4 too; importance sampling then only judges
 * them. PLAIN is classical SVGD in z; MATRIX the same in the frame where the Hessian at
 * the best mode is the unit matrix (matrix-preconditioned SVGD, Wang et al. 2019);
 * NEWTON the default's stage 2, Stein variational Newton, in any number of dimensions.
 */
#define PH_ALGORITHM_TABLE(X)                                                          \
    X(PH_SVGD_DEFAULT, "default")                                                      \
    X(PH_SVGD_PLAIN, "plain")                                                          \
    X(PH_SVGD_MATRIX, "matrix")                                                        \
    X(PH_SVGD_NEWTON, "newton")
typedef enum ph_algorithm {
#define X(constant, name) constant,
    PH_ALGORITHM_TABLE(X)
#undef X
} ph_algorithm;

/* Where the particles of PLAIN and MATRIX start. */
typedef enum ph_initial {
    PH_INITIAL_LAPLACE, /* the Laplace approximation at the modes */
    PH_INITIAL_PRIOR,   /* draws from the prior, points 3, 5, ... of ph_target.start */
    PH_INITIAL_POINTS   /* those of the settings */
} ph_initial;

/* Numbers of a row of the history: mean log p, r1, r2, step, kernel Stein discrepancy.
 */
enum { PH_HISTORY_COLUMNS = 5 };

/* The particles before iteration `number` of stage 2, for those who keep a history. */
typedef struct ph_iteration {
    size_t number, n, d;
    const double *z; /* [n][d] */
    double mean_log_p, r1, r2, step, ksd;
    double bandwidth; /* h in the kernel's metric; NaN where there is no one number */
} ph_iteration;
typedef struct ph_observer {
    void *context;
    int (*see)(void *context, const ph_iteration *iteration); /* 0 or an error */
} ph_observer;

typedef struct ph_svgd_settings {
    uint64_t seed;
    size_t particles;      /* P, a multiple of 8; default 200 */
    size_t starts;         /* mode search; default 16 */
    size_t max_iterations; /* of stage 2; default 60 */
    size_t draws;          /* equal-weight draws to return, and an effective sample size
                              to reach; 0: as many as particles */
    double tolerance_mean; /* in posterior sd; default 0.05 */
    double tolerance_sd;   /* relative; default 0.05 */
    double ess;            /* effective sample size to reach; default 2000 */
    size_t max_batches;    /* of importance draws; default 40 */
    ph_algorithm algorithm;
    int correct; /* stages 3 and 4 after an algorithm that is not the default */
    ph_classical classical; /* PLAIN, MATRIX; default: RBF of the median, Adam 0.01 */
    ph_initial initial;
    const double *points;        /* [particles][d] of PH_INITIAL_POINTS, in z */
    const ph_observer *observer; /* or NULL */
} ph_svgd_settings;
void ph_svgd_defaults(ph_svgd_settings *self);

/* One mode found by the search. */
typedef struct ph_mode {
    double log_p;
    double *z; /* [d] */
    double
        *hessian; /* [d][d] of -log p, exact (differences of scores), made positive */
    int weak;     /* information near-singular along `direction` */
    double *direction; /* [d] unit vector of least information, scaled coordinates */
    double least;  /* that information, in units of the starts' spread; may be < 0 */
    int arrived;   /* the search came to rest */
    double *unit;  /* [d] the starts' spread */
    double weight; /* posterior mass of its neighbourhood, from stage 3 */
} ph_mode;

typedef struct ph_svgd_diagnostics {
    size_t modes;
    int modes_open;   /* the search ended before it could tell that there are no more */
    int modes_missed; /* the sample came upon modes that the search has not found */
    size_t iterations;        /* of stage 2 */
    double r1, r2;            /* affine Stein residuals of the particles at its end */
    double ksd;               /* kernel Stein discrepancy: reported, never a gate */
    double ess, ess_fraction; /* of the importance sample; fraction of its size */
    double pareto_k;
    double largest_weight; /* times the sample size */
    double log_evidence, log_evidence_error;
    double shift_mean, shift_sd; /* particles against weighted summaries: worst |d
                                    mean|/sd, |d log sd| */
    double
        calibration_shift; /* worst move of a mean by stage 4, in Monte Carlo errors */
    double error_mean, error_sd; /* worst Monte Carlo errors: in sd, relative */
    double rhat, chain_ess;      /* of the Metropolis correction; 0 if it did not run */
    int used_chains;
    size_t mode_changes; /* of the chains: how often one went from a mode to another */
    int raw; /* the particles are the result, error_mean and error_sd how far they are
                from the importance sample with its own error, ess their number */
    uint64_t value_evaluations, score_evaluations; /* points, not batches */
    double seconds[4];                             /* wall time of the stages */
} ph_svgd_diagnostics;

typedef struct ph_svgd_result {
    size_t d, particles, n, draws;
    double *particle; /* [particles][d] at the end of stage 2 */
    double *z;        /* [n][d] weighted sample */
    double *log_p;    /* [n] */
    double *weight;   /* [n], sums to 1 (after calibration; may be slightly negative) */
    double *raw_weight; /* [n] before calibration, >= 0 */
    double *draw;       /* [draws][d] equal-weight draws */
    double *draw_log_p; /* [draws] */
    size_t n_modes;
    ph_mode *mode;
    ph_svgd_diagnostics diagnostics;
    int converged;
    char reasons[1024]; /* sentences joined by "; ": why it is, or is not, converged */
    double *history;    /* [iterations][PH_HISTORY_COLUMNS] */
    struct ph_residuals *residuals; /* of the calibrated weights, or NULL */
    struct ph_hmc_report *hmc; /* where ph_hmc_run made it (svgd/hmc.h), else NULL */
} ph_svgd_result;

/*
 * Runs the four stages of docs/inference.md: mode and Laplace, Stein variational
 * Newton, importance sampling from a mixture on the particles, Stein calibration; a
 * Metropolis-corrected move where the importance weights are not to be trusted. Returns
 * 0 whether or not it converged (see `converged`), PH_E_INTERRUPTED, PH_E_MEMORY, what
 * the target returned, or PH_E_NUMERIC when no starting point has a finite density.
 */
int ph_svgd_run(ph_svgd_result **result, const ph_target *target,
                const ph_svgd_settings *settings, const ph_log *log, ph_error *error);
void ph_svgd_result_free(ph_svgd_result *self);

/*
 * Monte Carlo standard error of the weighted mean of f[n], any quantity at the points
 * of the weighted sample; mean and sd are those of f over it. With calibrated weights
 * it is the error of what Stein's identities do not explain of f, else sd / sqrt(ess).
 * Returns 0 or PH_E_MEMORY.
 */
int ph_svgd_result_error(const ph_svgd_result *self, const double *f, double mean,
                         double sd, double *error);

/*
 * The SVGD direction itself (Liu & Wang 2016, eq. 8) with an RBF kernel in the metric
 * M: k(x, y) = exp(-(x-y)' M (x-y) / 2): phi[i] = (1/P) sum_j k(x_j, x_i) score_j +
 * grad_{x_j} k(x_j, x_i). The second term repels. metric[d][d]; phi[P][d].
 */
void ph_svgd_direction(size_t particles, size_t d, const double *z, const double *score,
                       const double *metric, double *phi);

#endif
