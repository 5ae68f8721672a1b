# SPDX-License-Identifier: GPL-3.0-or-later
# What R makes of draws: prints "reader,name,statistic,value" lines.
#
#     Rscript readers.R PREFIX.csv [CHAINS]

arguments <- commandArgs(trailingOnly = TRUE)
path <- arguments[1]
chains <- if (length(arguments) > 1) as.integer(arguments[2]) else 1L

say <- function(reader, name, statistic, value) {
    cat(sprintf("%s,%s,%s,%.17g\n", reader, name, statistic, as.numeric(value)), sep = "")
}
has <- function(package) suppressWarnings(requireNamespace(package, quietly = TRUE))

draws <- read.csv(path, comment.char = "#")
for (name in names(draws)) {
    say("read.csv", name, "mean", mean(draws[[name]]))
    say("read.csv", name, "sd", sd(draws[[name]]))
    say("read.csv", name, c("5%", "50%", "95%"),
        quantile(draws[[name]], c(0.05, 0.5, 0.95), type = 5)) # Hazen's
}
say("read.csv", "", "rows", nrow(draws))

length <- nrow(draws) %/% chains
split_chains <- lapply(seq_len(chains), function(k) draws[(k - 1) * length + seq_len(length), ])

if (has("coda") && length > 1) {
    all <- coda::mcmc.list(lapply(split_chains, coda::mcmc))
    table <- summary(all)
    say("coda", rownames(table$statistics), "mean", table$statistics[, "Mean"])
    say("coda", rownames(table$statistics), "sd", table$statistics[, "SD"])
    size <- coda::effectiveSize(all)
    say("coda", names(size), "ess", size)
}
if (has("posterior") && length > 1) {
    all <- posterior::as_draws_list(lapply(split_chains, as.list))
    table <- posterior::summarise_draws(all)
    for (statistic in c("mean", "sd", "rhat", "ess_bulk", "ess_tail")) {
        say("posterior", table$variable, statistic, table[[statistic]])
    }
    for (name in names(draws)[sapply(draws, min) > 0]) {
        rhat <- posterior::rhat(log(matrix(draws[[name]], ncol = chains)))
        say("posterior", name, "rhat_log", rhat)
    }
}
