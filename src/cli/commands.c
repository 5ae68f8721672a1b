/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of commands and the options that all with a model share. */
#include <string.h>

#include "app.h"

/* clang-format off */
#define MAX_STATES                                                                     \
    {"max-states", 0, PH_OPTION_WHOLE, "N", "10000000", 1, 4e9, 0,                     \
     "give up beyond this many transient states"}
#define HELP                                                                           \
    {"help", 'h', PH_OPTION_FLAG, NULL, NULL, 0, 0, PH_OPTION_FLAG_ONLY,               \
     "print this text, and stop"}
#define RUNNING                                                                        \
    {"Running", 0, PH_OPTION_HEADING, NULL, NULL, 0, 0, 0, "Running:"},                \
    {"seed", 's', PH_OPTION_WHOLE, "N", NULL, 0, 4294967295.0, 0,                      \
     "seed of the random numbers; drawn and recorded where\nit is not given"},         \
    {"threads", 't', PH_OPTION_WHOLE, "N", NULL, 1, 4096, 0,                           \
     "threads in each device group"},                                                  \
    {"devices", 0, PH_OPTION_WHOLE, "N", NULL, 1, 4096, 0,                             \
     "device groups; the default is one for each NUMA\ndomain, with all processors "   \
     "shared among them"},                                                             \
    {"oversubscribe", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,                          \
     "allow more threads than processors"},                                            \
    {"config", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0,                                  \
     PH_OPTION_FLAG_ONLY | PH_OPTION_READ,                                             \
     "take settings from FILE, as --print-config writes it"},                          \
    {"print-config", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, PH_OPTION_FLAG_ONLY,         \
     "print all settings with their origin, and stop"},                                \
    {"Output", 0, PH_OPTION_HEADING, NULL, NULL, 0, 0, 0, "Output:"},                  \
    {"format", 0, PH_OPTION_CHOICE, "text|csv|json", "text", 0, 0, 0,                  \
     "form of the result on standard output"},                                         \
    {"quiet", 'q', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,                                \
     "no warnings and no progress on standard error"},                                 \
    {"verbose", 'v', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,                              \
     "say more on standard error"},                                                    \
    HELP

const ph_option ph_common_options[] = {
    {"Model", 0, PH_OPTION_HEADING, NULL, NULL, 0, 0, 0, "Model:"},
    {"set", 0, PH_OPTION_LIST, "NAME=VALUE", NULL, 0, 0, 0,
     "give a constant of the model another value; may be\nrepeated"},
    {"theta", 0, PH_OPTION_LIST, "NAME=VALUE,...", NULL, 0, 0, 0,
     "values of parameters in place of the model's own; may\nbe repeated"},
    MAX_STATES, RUNNING, PH_OPTION_END};

#define OF_THE_FIT "cannot be given here: constants and parameters are those of the fit"

/* Those of commands that read a saved fit. */
static const ph_option saved_options[] = {
    {"set", 0, PH_OPTION_LIST, "NAME=VALUE", NULL, 0, 0, PH_OPTION_REFUSED, OF_THE_FIT},
    {"theta", 0, PH_OPTION_LIST, "NAME=VALUE,...", NULL, 0, 0, PH_OPTION_REFUSED,
     OF_THE_FIT},
    {"Model", 0, PH_OPTION_HEADING, NULL, NULL, 0, 0, 0, "Model:"},
    MAX_STATES, RUNNING, PH_OPTION_END};

/* Those of commands about the program itself. */
static const ph_option help_options[] = {
    {"Options", 0, PH_OPTION_HEADING, NULL, NULL, 0, 0, 0, "Options:"},
    HELP, PH_OPTION_END};

const ph_command ph_commands[] = {
    {"fit", "MODEL DATA", "posterior of a model's parameters from data",
     "infer|posterior|mcmc|run|estimate",
     "Finds the posterior distribution of the parameters of MODEL that are not fixed,\n"
     "given the observations in DATA, by Stein variational gradient descent with\n"
     "importance sampling. Prints a table; with --output PREFIX also writes PREFIX.json\n"
     "(summary, settings, diagnostics) and PREFIX.csv (draws in CmdStan's layout).\n"
     "With --method map, modes or maximum likelihood; with hmc, Markov chains. Exit code\n"
     "3 says that the result was written but has not converged.",
     2, 2, 1, ph_fit_options, ph_common_options, ph_cmd_fit},
    {"grad", "MODEL [DATA]", "analytic gradients against numeric ones",
     "gradient|check-gradient",
     "Compares the analytic gradient of the log-likelihood of DATA with central\n"
     "differences extrapolated to step zero (Ridders' method); with --at, the gradient\n"
     "of the log density at these points too. The error of a derivative is relative to\n"
     "max(|analytic|, |numeric|) + 1e-4 max(|value|, N) / |parameter|, N the number of\n"
     "observations. Exit code 1 says that one is larger than --tolerance.",
     1, 2, 0, ph_grad_options, ph_common_options, ph_cmd_grad},
    {"loglik", "MODEL DATA", "log-likelihood of data",
     "likelihood|log-likelihood",
     "Prints the log-likelihood of the observations in DATA at the model's reference\n"
     "values, or those of --theta.",
     2, 2, 0, ph_loglik_options, ph_common_options, ph_cmd_loglik},
    {"pdf", "MODEL", "density, or probability mass, at points",
     "density|pmf|dens",
     "Prints the density of the absorption time at the points of --at, --grid or\n"
     "--at-file; for a model in discrete time, the probability mass.",
     1, 1, 0, ph_points_options, ph_common_options, ph_cmd_points},
    {"cdf", "MODEL", "probability of being absorbed by then",
     "distribution|probability",
     "Prints the distribution function of the absorption time at the points of --at,\n"
     "--grid or --at-file; mass that is absorbed at once counts.",
     1, 1, 0, ph_points_options, ph_common_options, ph_cmd_points},
    {"survival", "MODEL", "probability of not being absorbed yet",
     "surv|sf",
     "Prints the probability that the process is still running at the points of --at,\n"
     "--grid or --at-file.",
     1, 1, 0, ph_points_options, ph_common_options, ph_cmd_points},
    {"moments", "MODEL", "means, variances, covariances and higher moments",
     "mean|variance|moment",
     "Prints raw moments up to --order, mean, variance, skewness and kurtosis of the\n"
     "absorption time and of every reward, their covariances and correlations, and the\n"
     "probability that each of them is 0 (its defect).",
     1, 1, 0, ph_moments_options, ph_common_options, ph_cmd_moments},
    {"hazard", "MODEL", "rate of absorption among those still running",
     "haz",
     "Prints the density over the survival at the points of --at, --grid or --at-file;\n"
     "for a model in discrete time, the probability of absorption in that step.",
     1, 1, 0, ph_points_options, ph_common_options, ph_cmd_points},
    {"quantile", "MODEL", "times by which absorption has a given probability",
     "quantiles|ppf|median",
     "Prints the times at which the distribution function reaches the probabilities of\n"
     "--at, --grid or --at-file, or with --upper those at which the survival falls to\n"
     "them.",
     1, 1, 0, ph_quantile_options, ph_common_options, ph_cmd_points},
    {"sample", "MODEL", "simulated observations",
     "simulate|sim|random|generate",
     "Simulates N observations of MODEL exactly and writes them as a data file that fit\n"
     "reads: times, totals of rewards, or censored times, for each group of the model.\n"
     "With --paths, whole trajectories.",
     1, 1, 1, ph_sample_options, ph_common_options, ph_cmd_sample},
    {"info", "MODEL", "size and structure of a model",
     "show|view|states|describe",
     "Enumerates the states of MODEL and says what was found.",
     1, 1, 0, ph_info_options, ph_common_options, ph_cmd_info},
    {"trace", "MODEL", "the elimination trace of a model",
     "compile|eliminate",
     "Records how the states of MODEL are eliminated, which moments, rewards and\n"
     "starting values are computed from, and prints its size. With --output, writes a\n"
     "file that stands for the model, with its --set, in every command.",
     1, 1, 0, ph_trace_options, ph_common_options, ph_cmd_trace},
    {"summary", "FIT ...", "table of saved fits",
     "stansummary|diagnose|print|table|report",
     "Prints the posterior table of fits that fit --output has written; FIT is the PREFIX,\n"
     "PREFIX.json or PREFIX.csv. The numbers are those that the fit has stored, or with\n"
     "--from-draws those of its draws.",
     1, 64, 0, ph_summary_options, saved_options, ph_cmd_summary},
    {"predict", "FIT", "posterior predictive curves, data sets and checks",
     "check|ppc|posterior-predictive",
     "Prints a quantity of observations to come, its mean over the posterior draws of a\n"
     "saved fit and a band that holds most of them; or writes replicated data sets, or\n"
     "compares the data with them.",
     1, 1, 1, ph_predict_options, saved_options, ph_cmd_predict},
    {"compare", "FIT ...", "saved fits of the same data side by side",
     "loo|waic|anova",
     "Prints how well fits of the same data predict observations that were left out, by\n"
     "Pareto smoothed importance sampling (PSIS-LOO) and WAIC, with standard errors of\n"
     "the differences, the evidence that each fit has found, and the posteriors of fits\n"
     "of the same model.",
     1, 64, 0, ph_compare_options, saved_options, ph_cmd_compare},
    {"plot", "FIT", "pictures of a saved fit",
     "draw|picture|graph",
     "Draws a saved fit with gnuplot, as SVG, PNG or PDF: the posterior densities of its\n"
     "parameters, pairs of them, the data against what the posterior predicts, or how\n"
     "the run converged.",
     1, 1, 0, ph_plot_options, saved_options, ph_cmd_plot},
    {"convert", "IN OUT", "a process from one file format into another",
     "import|export",
     "Reads the process in IN, enumerates its states and writes them to OUT, '-' being\n"
     "the standard input and output. Formats are models of this program, graphs of the\n"
     "Python package phasic, matrices as CSV, and Storm's explicit DRN. What a format\n"
     "cannot hold of the process is refused, other things are named in a warning.",
     2, 2, 0, ph_convert_options, ph_common_options, ph_cmd_convert},
    {"completion", "bash|zsh|fish", "a script that completes command lines", "",
     "Prints a script that completes the command lines of phasic in that shell. Where\n"
     "it was not installed with the program, 'source <(phasic completion bash)' loads\n"
     "it into bash, and 'phasic completion fish | source' into fish.",
     1, 1, 0, NULL, help_options, ph_cmd_completion},
    {"help", "[COMMAND]", "this text, or a command's", "",
     "Lists the commands, or what COMMAND does and its options.",
     0, 1, 0, NULL, help_options, ph_cmd_help},
    {"version", "", "version of the program", "", "Prints the version of the program.",
     0, 0, 0, NULL, help_options, ph_cmd_version},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL}};
/* clang-format on */

const ph_command *ph_command_find(const char *name)
{
    for (const ph_command *command = ph_commands; command->name; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

static int table_has(const ph_option *table, const char *name)
{
    for (; table && table->name; table++) {
        if (strcmp(table->name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

int ph_command_has(const ph_command *command, const char *option)
{
    return table_has(command->options, option) || table_has(command->common, option);
}
