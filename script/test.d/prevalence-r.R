# Compares the program named on the command line with R's survey package, case by case. Fails above 1e-8, relative.
suppressMessages(library(survey))
program <- commandArgs(TRUE)[1]
folder <- tempfile("prevalence"); dir.create(folder)
data(api)
apistrat$pw2 <- apistrat$pw
worst <- 0; n_numbers <- 0; failed <- character()

write_case <- function(name, rows, codebook) {
  write.csv(rows, file.path(folder, paste0(name, ".csv")), row.names = FALSE, na = "")
  writeLines(codebook, file.path(folder, paste0(name, ".toml")))
}
fields <- function(text, name) {
  hits <- regmatches(text, gregexpr(paste0("\"", name, "\": [^,\n]+"), text))[[1]]
  as.numeric(sub(".*: ", "", hits))
}
ours <- function(name, ask, options = character()) {
  file <- function(ending) file.path(folder, paste0(name, ending))
  out <- suppressWarnings(system2(program, c("prevalence", ask, "--codebook", file(".toml"), file(".csv"), "--json", options),
                                  stdout = TRUE, stderr = TRUE))
  text <- paste(out, collapse = "\n")
  if (!is.null(attr(out, "status"))) stop(name, ": ", text)
  list(value = fields(text, "estimate"), se = fields(text, "se"), deff = fields(text, "deff"))
}
same <- function(what, own, theirs) {
  theirs <- as.numeric(theirs)
  if (length(own) != length(theirs) || anyNA(own)) { failed <<- c(failed, what); cat("DIFFERS", what, own, theirs, "\n"); return() }
  off <- max(abs(own - theirs) / pmax(abs(theirs), 1e-300))
  off[all(own == theirs)] <- 0
  worst <<- max(worst, off); n_numbers <<- n_numbers + length(own)
  if (!(off <= 1e-8)) { failed <<- c(failed, what); cat(sprintf("DIFFERS %s: %s is not %s (%.1e)\n", what, format(own, digits = 12)[1], format(theirs, digits = 12)[1], off)) }
}
compare <- function(name, design, options = character(), label = name, deff = FALSE) {
  total <- svytotal(~enroll, design, deff = deff); own <- ours(name, c("total", "enroll"), options)
  same(paste(label, "total"), own$value, coef(total)); same(paste(label, "total se"), own$se, SE(total))
  if (deff) same(paste(label, "total deff"), own$deff, deff(total))
  mean <- svymean(~api00, design, deff = deff); own <- ours(name, c("mean", "api00"), options)
  same(paste(label, "mean"), own$value, coef(mean)); same(paste(label, "mean se"), own$se, SE(mean))
  if (deff) same(paste(label, "mean deff"), own$deff, deff(mean))
  ratio <- svyratio(~api.stu, ~enroll, design); own <- ours(name, c("ratio", "api.stu", "enroll"), options)
  same(paste(label, "ratio"), own$value, coef(ratio)); same(paste(label, "ratio se"), own$se, SE(ratio))
}

# Designs ---------------------------------------------------------------------------------------------------------------
srs <- svydesign(id = ~1, weights = ~pw, fpc = ~fpc, data = apisrs)
strat <- svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = apistrat)
strat_wr <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat)
clus1 <- svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = apiclus1)
clus1_wr <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1)
apiclus2 <- apiclus2[!is.na(apiclus2$enroll), ]
clus2 <- svydesign(id = ~dnum + snum, fpc = ~fpc1 + fpc2, data = apiclus2)
apiclus2$w <- weights(clus2)
clus2_wr <- svydesign(id = ~dnum, weights = ~w, data = apiclus2)
write_case("srs", apisrs, c("[design]", 'weight = "pw"', 'fpc = ["fpc"]'))
write_case("strat", apistrat[nrow(apistrat):1, ], c("[design]", 'weight = "pw"', 'strata = "stype"', 'fpc = ["fpc"]'))
write_case("clus1", apiclus1[order(apiclus1$api00), ], c("[design]", 'weight = "pw"', 'psu = "dnum"', 'fpc = ["fpc"]'))
write_case("clus2", apiclus2, c("[design]", 'weight = "w"', 'psu = "dnum"', 'ssu = "snum"', 'fpc = ["fpc1", "fpc2"]'))
compare("srs", srs, deff = TRUE)
compare("strat", strat, deff = TRUE)
compare("strat", strat_wr, "--with-replacement", "strat wr", deff = TRUE)
compare("clus1", clus1, deff = TRUE)
compare("clus1", clus1_wr, "--with-replacement", "clus1 wr", deff = TRUE)
compare("clus2", clus2, deff = TRUE)
compare("clus2", clus2_wr, "--with-replacement", "clus2 wr", deff = TRUE)

# Domains ---------------------------------------------------------------------------------------------------------------
by <- svyby(~enroll, ~stype, clus1, svytotal); own <- ours("clus1", c("total", "enroll"), c("--by", "stype"))
same("clus1 total by stype", own$value, coef(by)); same("clus1 total by stype se", own$se, SE(by))
by <- svyby(~api00, ~stype, clus2, svymean); own <- ours("clus2", c("mean", "api00"), c("--by", "stype"))
same("clus2 mean by stype", own$value, coef(by)); same("clus2 mean by stype se", own$se, SE(by))

# Jackknives ------------------------------------------------------------------------------------------------------------
compare("strat", as.svrepdesign(strat_wr, type = "JKn"), c("--variance", "jkn", "--with-replacement"), "strat jkn")
compare("strat", as.svrepdesign(strat, type = "JKn"), c("--variance", "jkn"), "strat fpc jkn")
compare("clus1", as.svrepdesign(clus1_wr, type = "JK1"), c("--variance", "jk1", "--with-replacement"), "clus1 jk1")
compare("clus1", as.svrepdesign(clus1, type = "JK1"), c("--variance", "jk1"), "clus1 fpc jk1")

# Replicate weights that came with a survey -----------------------------------------------------------------------------
set.seed(1)
for (type in c("bootstrap", "subbootstrap", "mrbbootstrap")) {
  rep <- as.svrepdesign(if (type == "mrbbootstrap") strat else strat_wr, type = type, replicates = 60)
  weights <- weights(rep, "analysis"); colnames(weights) <- paste0("rep_", seq_len(ncol(weights)))
  name <- paste0("given_", type)
  rscales <- paste(sprintf("%.17g", rep(rep$rscales, length.out = 60)), collapse = ", ")
  write_case(name, cbind(apistrat, weights), c("[design]", 'weight = "pw"', 'strata = "stype"', "[replicates]",
             'columns = ["rep_*"]', sprintf("scale = %.17g", rep$scale), paste0("rscales = [", rscales, "]")))
  compare(name, rep, c("--variance", "given"), name)
}

# Calibration -----------------------------------------------------------------------------------------------------------
margins <- function(name, lines) { path <- file.path(folder, name); writeLines(c("variable,level,total", lines), path); path }
pop <- xtabs(~stype, apipop)
stype <- sprintf("stype,%s,%d", names(pop), pop)
sch <- xtabs(~sch.wide, apipop); wide <- sprintf("sch.wide,%s,%d", names(sch), sch)
api99 <- sprintf("api99,,%d", sum(apipop$api99))
totals <- c(`(Intercept)` = nrow(apipop), stypeH = pop[["H"]], stypeM = pop[["M"]], api99 = sum(apipop$api99))
one <- margins("one.csv", stype); two <- margins("two.csv", c(stype, wide)); mixed <- margins("mixed.csv", c(stype, api99))
cross <- xtabs(~stype + sch.wide, apipop)
cells <- margins("cells.csv", c(outer(rownames(cross), colnames(cross), function(a, b) sprintf("stype*sch.wide,%s*%s,%d", a, b, cross[cbind(a, b)]))))
options_for <- function(by, file, more = character()) c("--calibrate", by, "--margins", file, more)
compare("clus1", postStratify(clus1, ~stype, pop), options_for("poststrat", one), "poststrat")
compare("strat", postStratify(strat, ~stype + sch.wide, cross), options_for("poststrat", cells), "poststrat cells")
compare("clus1", calibrate(clus1, ~stype + api99, totals), options_for("linear", mixed), "linear")
compare("clus1", calibrate(clus1, ~stype + api99, totals, calfun = "raking", epsilon = 1e-13), options_for("raking", mixed), "raking")
compare("clus1", calibrate(clus1, ~stype + api99, totals, calfun = "logit", bounds = c(0.5, 1.6), epsilon = 1e-13),
        options_for("logit", mixed, c("--bounds", "0.5,1.6")), "logit")
compare("clus1", rake(clus1, list(~stype, ~sch.wide), list(pop, sch), control = list(maxit = 200, epsilon = 1e-14)),
        options_for("raking", two), "two margins raked")
jk <- calibrate(as.svrepdesign(clus1_wr, type = "JK1"), ~stype + api99, totals, calfun = "raking", epsilon = 1e-13)
compare("clus1", jk, c(options_for("raking", mixed), "--variance", "jk1", "--with-replacement"), "raking in each jackknife replicate")
compare("strat", trimWeights(strat_wr, lower = 20, upper = 45), c("--trim", "20,45", "--with-replacement"), "trimmed")
# Trimming after calibration: the residual keeps the calibrated weight, the influence the trimmed one.
compare("clus1", trimWeights(rake(clus1, list(~stype, ~sch.wide), list(pop, sch), control = list(maxit = 200, epsilon = 1e-14)),
        lower = 20, upper = 45), options_for("raking", two, c("--trim", "20,45")), "raked and trimmed")
compare("clus1", trimWeights(calibrate(clus1, ~stype + api99, totals), lower = 25, upper = 40),
        options_for("linear", mixed, c("--trim", "25,40")), "linear and trimmed")
compare("clus1", trimWeights(postStratify(clus1, ~stype, pop), lower = 25, upper = 45),
        options_for("poststrat", one, c("--trim", "25,45")), "post-stratified and trimmed")
compare("strat", trimWeights(calibrate(strat, ~sch.wide + api99, c(`(Intercept)` = nrow(apipop), sch.wideYes = sch[["Yes"]], api99 = sum(apipop$api99))),
        lower = 18, upper = 48), options_for("linear", margins("wide.csv", c(wide, api99)), c("--trim", "18,48")), "unequal weights, linear and trimmed")
compare("strat", calibrate(strat, ~sch.wide + api99, c(`(Intercept)` = nrow(apipop), sch.wideYes = sch[["Yes"]], api99 = sum(apipop$api99))),
        options_for("linear", margins("wide.csv", c(wide, api99))), "unequal weights, linear")
compare("strat", postStratify(strat, ~sch.wide, sch), options_for("poststrat", margins("onewide.csv", wide)), "unequal weights, post-stratified")
# Domains after calibration, and of replicates.
cal <- calibrate(clus1, ~stype + api99, totals)
by <- svyby(~api00, ~comp.imp, cal, svymean); own <- ours("clus1", c("mean", "api00"), c("--by", "comp.imp", options_for("linear", mixed)))
same("linear, mean by comp.imp", own$value, coef(by)); same("linear, mean by comp.imp se", own$se, SE(by))
by <- svyby(~api.stu, ~comp.imp, cal, denominator = ~enroll, svyratio); own <- ours("clus1", c("ratio", "api.stu", "enroll"), c("--by", "comp.imp", options_for("linear", mixed)))
same("linear, ratio by comp.imp", own$value, coef(by)); same("linear, ratio by comp.imp se", own$se, SE(by))
by <- svyby(~api00, ~comp.imp, as.svrepdesign(strat, type = "JKn"), svymean); own <- ours("strat", c("mean", "api00"), c("--by", "comp.imp", "--variance", "jkn"))
same("jkn, mean by comp.imp", own$value, coef(by)); same("jkn, mean by comp.imp se", own$se, SE(by))

# Strata with one PSU ---------------------------------------------------------------------------------------------------
lonely <- apistrat[apistrat$stype != "H" | seq_len(nrow(apistrat)) == which(apistrat$stype == "H")[1], ]
lonely <- rbind(lonely[lonely$stype != "E", ], lonely[lonely$stype == "E", ][1:40, ])
for (rule in c("remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = rule)
  design <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = lonely)
  name <- paste0("lonely_", rule)
  write_case(name, lonely, c("[design]", 'weight = "pw"', 'strata = "stype"', sprintf('lonely_psu = "%s"', rule)))
  compare(name, design, character(), name)
  compare(name, as.svrepdesign(design, type = "JKn"), c("--variance", "jkn"), paste(name, "jkn"))
}

unlink(folder, recursive = TRUE)
cat(sprintf("prevalence-r: %d numbers against survey %s, worst relative difference %.1e\n", n_numbers, packageVersion("survey"), worst))
if (length(failed)) { cat("prevalence-r:", length(failed), "comparisons differ\n"); quit(status = 1) }
