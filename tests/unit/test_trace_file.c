/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trace files: what comes back is what was written, and nothing else comes back. */
#include "process.h"

#include "phasic/base/digest.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/trace/file.h"

enum { DIGEST = 32 };

typedef struct written {
    process it;
    ph_trace *trace;
    char *model;
    size_t model_length;
    ph_setting setting;
    ph_buffer file;
} written;

static written written_new(void)
{
    written self = {.it = process_shipped("rabbits", "n", 3), .setting = {"n", 3}};
    assert_int_equal(ph_trace_record(&self.trace, self.it.graph, NULL, NULL), 0);
    assert_int_equal(
        ph_file_read(self.it.model->file, &self.model, &self.model_length, NULL), 0);
    ph_trace_file_write(self.trace, self.model, self.model_length, &self.setting, 1,
                        &self.file);
    assert_false(self.file.failed);
    return self;
}

static void written_free(written *self)
{
    ph_buffer_free(&self->file);
    free(self->model);
    ph_trace_free(self->trace);
    process_free(&self->it);
}

/* Mean and gradient at theta: [1 + 3]. */
static void results(const process *it, const ph_trace *trace, double *out)
{
    const ph_pool *pool = it->graph->pool;
    const double theta[3] = {1, 2, 4};
    size_t nodes = ph_pool_length(pool);
    double *u = ph_alloc(2 * nodes, sizeof *u);
    double *work = ph_alloc(ph_trace_work(trace) / PH_LANES, sizeof *work);
    memset(out, 0, 4 * sizeof *out);
    ph_pool_eval_plain(pool, theta, u);
    ph_trace_mean_plain(trace, u, work, out, u + nodes);
    ph_pool_adjoint_plain(pool, u, u + nodes, out + 1);
    free(u);
    free(work);
}

/* Opens and loads; the status, and the results where it is 0. */
static int read_back(const written *self, const char *bytes, size_t length, double *out,
                     ph_error *error)
{
    ph_trace_file file = {0};
    ph_trace *trace = NULL;
    int status = ph_trace_file_open(&file, "t.trace", bytes, length, error);
    if (status == PH_OK) {
        status = ph_trace_file_load(&file, "t.trace", self->it.graph, &trace, error);
    }
    if (status == PH_OK) {
        results(&self->it, trace, out);
    }
    ph_trace_free(trace);
    ph_trace_file_close(&file);
    return status;
}

static void sign(char *bytes, size_t length)
{
    char hex[65];
    ph_digest(bytes, length - DIGEST, hex);
    for (int i = 0; i < DIGEST; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[length - DIGEST + i] = (char)strtoul(pair, NULL, 16);
    }
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    written self = written_new();
    ph_trace_file file = {0};
    ph_trace *trace = NULL;
    ph_buffer again = {0};
    double first[4], second[4];
    ph_trace_summary one, two;
    assert_true(ph_trace_file_is(self.file.text, self.file.length));
    assert_int_equal(
        ph_trace_file_open(&file, "t", self.file.text, self.file.length, NULL), 0);
    assert_int_equal(file.model_length, self.model_length);
    assert_memory_equal(file.model, self.model, self.model_length);
    assert_int_equal(file.n_settings, 1);
    assert_string_equal(file.settings[0].name, "n");
    assert_true(file.settings[0].value == 3);
    assert_int_equal(ph_trace_file_load(&file, "t", self.it.graph, &trace, NULL), 0);
    results(&self.it, self.trace, first);
    results(&self.it, trace, second);
    assert_memory_equal(first, second, sizeof first);
    ph_trace_summarize(self.trace, &one);
    ph_trace_summarize(trace, &two);
    assert_int_equal(one.operations, two.operations);
    assert_int_equal(one.fill, two.fill);
    assert_int_equal(one.bytes, two.bytes);
    assert_int_equal(one.components, two.components);
    assert_int_equal(one.largest, two.largest);
    assert_int_equal(one.cyclic_components, two.cyclic_components);
    assert_int_equal(one.order, two.order);
    ph_trace_file_write(trace, file.model, file.model_length, file.settings,
                        file.n_settings, &again);
    assert_int_equal(again.length, self.file.length);
    assert_memory_equal(again.text, self.file.text, again.length);
    ph_buffer_free(&again);
    ph_trace_file_close(&file);
    ph_trace_free(trace);
    written_free(&self);
}

static void every_flipped_byte_is_refused(void **state)
{
    (void)state;
    written self = written_new();
    for (size_t i = 0; i < self.file.length; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            double out[4];
            ph_error error = {0};
            self.file.text[i] = (char)(self.file.text[i] ^ (1 << bit));
            assert_int_equal(
                read_back(&self, self.file.text, self.file.length, out, &error),
                PH_E_MODEL);
            assert_string_equal(error.file, "t.trace");
            assert_true(error.message[0] != '\0');
            self.file.text[i] = (char)(self.file.text[i] ^ (1 << bit));
        }
    }
    written_free(&self);
}

static void every_other_length_is_refused(void **state)
{
    (void)state;
    written self = written_new();
    double out[4];
    for (size_t length = 0; length < self.file.length; length++) {
        /* a copy of this length, so that reading beyond it is seen */
        char *cut = ph_alloc(length, 1);
        ph_error error = {0};
        memcpy(cut, self.file.text, length);
        assert_int_equal(read_back(&self, cut, length, out, &error), PH_E_MODEL);
        free(cut);
    }
    ph_buffer_add_n(&self.file, "\0", 1);
    assert_int_equal(read_back(&self, self.file.text, self.file.length, out, NULL),
                     PH_E_MODEL);
    written_free(&self);
}

/* Damage under a checksum that fits: refused, or without an effect. */
static void numbers_out_of_place_are_refused(void **state)
{
    (void)state;
    written self = written_new();
    double right[4], out[4];
    size_t refused = 0, length = self.file.length;
    results(&self.it, self.trace, right);
    char *bytes = ph_alloc(length, 1);
    size_t head = 24 + 8 + self.model_length; /* up to the settings */
    for (size_t i = 0; i + DIGEST < length; i++) {
        if (i >= 32 && i < head) {
            continue; /* the model's text, which nobody reads here */
        }
        for (int change = 1; change < 256; change = 2 * change + 1) {
            memcpy(bytes, self.file.text, length);
            bytes[i] = (char)(bytes[i] ^ change);
            sign(bytes, length);
            int status = read_back(&self, bytes, length, out, NULL);
            if (status == PH_OK) {
                for (int k = 0; k < 4; k++) {
                    assert_close(out[k], right[k], 1e-13);
                }
            } else {
                assert_int_equal(status, PH_E_MODEL);
                refused++;
            }
        }
    }
    assert_true(refused > length);
    free(bytes);
    written_free(&self);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    written self = written_new();
    double out[4];
    ph_error error = {0};
    assert_int_equal(read_back(&self, self.model, self.model_length, out, &error),
                     PH_E_MODEL);
    assert_non_null(strstr(error.message, "not a trace file"));
    assert_false(ph_trace_file_is(self.model, self.model_length));
    assert_false(ph_trace_file_is("", 0));
    /* another version, whatever its content */
    error = (ph_error){0};
    self.file.text[8] = 2;
    sign(self.file.text, self.file.length);
    assert_int_equal(read_back(&self, self.file.text, self.file.length, out, &error),
                     PH_E_MODEL);
    assert_non_null(strstr(error.message, "format 2"));
    written_free(&self);
}

static void the_trace_of_another_graph_is_refused(void **state)
{
    (void)state;
    written self = written_new();
    process other = process_shipped("rabbits", "n", 4);
    ph_trace_file file = {0};
    ph_trace *trace = NULL;
    ph_error error = {0};
    assert_int_equal(
        ph_trace_file_open(&file, "t", self.file.text, self.file.length, NULL), 0);
    assert_int_equal(ph_trace_file_load(&file, "t", other.graph, &trace, &error),
                     PH_E_MODEL);
    assert_null(trace);
    ph_trace_file_close(&file);
    process_free(&other);
    written_free(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(numbers_out_of_place_are_refused),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(the_trace_of_another_graph_is_refused),
    };
    return ph_check_run(tests);
}
