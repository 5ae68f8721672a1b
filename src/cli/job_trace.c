/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trace files in the place of a model, and the trace of a job. */
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/memory.h"

/* The settings of the file in place of --set; names are copied as those of --set. */
static int copy_settings(ph_job *self, const ph_trace_file *file)
{
    free(self->settings);
    self->settings = ph_alloc(file->n_settings, sizeof *self->settings);
    if (!self->settings) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < file->n_settings; i++) {
        char *name = ph_strdup(file->settings[i].name);
        if (!name) {
            return PH_E_MEMORY;
        }
        self->settings[i] = (ph_setting){name, file->settings[i].value};
        self->n_settings = i + 1;
    }
    return PH_OK;
}

int ph_job_open_trace(ph_job *self, const char *name, ph_error *error)
{
    if (!ph_trace_file_is(self->model_text, self->model_length)) {
        return PH_OK;
    }
    self->trace_bytes = self->model_text;
    self->model_text = NULL;
    int status = ph_trace_file_open(&self->trace_file, name, self->trace_bytes,
                                    self->model_length, error);
    if (status != PH_OK) {
        return status;
    }
    if (self->n_settings > 0) {
        ph_error_place(error, "--set");
        return ph_error_set(error, PH_E_USAGE,
                            "the constants of a trace file are settled: give the model "
                            "it was made from, or make another one with phasic trace");
    }
    const ph_trace_file *file = &self->trace_file;
    self->model_text = ph_alloc(file->model_length + 1, 1);
    if (!self->model_text) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    memcpy(self->model_text, file->model, file->model_length);
    self->model_length = file->model_length;
    return copy_settings(self, file) == PH_OK
               ? PH_OK
               : ph_error_set(error, PH_E_MEMORY, "out of memory");
}

int ph_job_trace(const ph_job *self, ph_trace **trace, const ph_log *log,
                 ph_error *error)
{
    return self->trace_bytes ? ph_trace_file_load(&self->trace_file, self->model->file,
                                                  self->graph, trace, error)
                             : ph_trace_record(trace, self->graph, log, error);
}

void ph_job_close_trace(ph_job *self)
{
    ph_trace_file_close(&self->trace_file);
    free(self->trace_bytes);
    self->trace_bytes = NULL;
}
