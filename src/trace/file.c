/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trace files. The digest at the end covers every byte before it, so a file that opens
 * is as it was written; the trace is checked against its graph nevertheless, because a
 * replay trusts every number in it. The graph is enumerated again from the model: its
 * digest tells whether this program numbers the states as the writer did.
 */
#include "phasic/trace/file.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/digest.h"
#include "phasic/base/memory.h"
#include "trace_private.h"

#define MAGIC   "PHTRACE\n"
#define VERSION 1
#define DIGEST  32
#define HEAD    24 /* magic, version, order, length */

/* ------------------------------------------------------------------ writing */

static void put(ph_buffer *out, uint64_t value, int bytes)
{
    char text[8];
    for (int i = 0; i < bytes; i++) {
        text[i] = (char)(value >> (8 * i) & 0xFF);
    }
    ph_buffer_add_n(out, text, (size_t)bytes);
}

static void put_double(ph_buffer *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(out, bits, 8);
}

static void put_digest(ph_buffer *out, const char *bytes, size_t length)
{
    char hex[65];
    ph_digest(bytes, length, hex);
    for (int i = 0; i < DIGEST; i++) {
        unsigned value = 0;
        for (int k = 0; k < 2; k++) {
            char c = hex[2 * i + k];
            value = 16 * value + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        put(out, value, 1);
    }
}

static void put_terms(ph_buffer *out, const uint32_t *use, const double *coefficient,
                      size_t n)
{
    for (size_t t = 0; t < n; t++) {
        put(out, use[t], 4);
        put_double(out, coefficient[t]);
    }
}

/* What the numbers of a trace refer to, and the rates that its replays use. */
static void put_graph_digest(ph_buffer *out, const ph_graph *graph)
{
    ph_buffer all = {0};
    put(&all, graph->n, 8);
    put(&all, (uint64_t)graph->discrete, 4);
    for (size_t i = 0; i <= graph->n; i++) {
        put(&all, graph->row[i], 8);
    }
    for (size_t e = 0; e < graph->n_edges; e++) {
        put(&all, graph->target[e], 4);
        put(&all, graph->edge_term[e + 1], 8);
    }
    put_terms(&all, graph->term_use, graph->term_coefficient,
              graph->edge_term[graph->n_edges]);
    for (size_t s = 0; s < graph->n_starts; s++) {
        put(&all, graph->start[s], 4);
        put(&all, graph->start_term[s + 1], 8);
    }
    put_terms(&all, graph->start_use, graph->start_coefficient,
              graph->start_term[graph->n_starts]);
    put_digest(out, all.text, all.length);
    out->failed |= all.failed;
    ph_buffer_free(&all);
}

static void put_states(ph_buffer *out, const uint32_t *state, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(out, state[i], 4);
    }
}

static void put_steps(ph_buffer *out, const ph_trace *trace)
{
    put(out, trace->n, 8);
    put(out, trace->n_left, 8);
    put(out, trace->n_right, 8);
    put_states(out, trace->order, trace->n);
    for (size_t s = 0; s < trace->n; s++) {
        const ph_trace_row *row = &trace->row[trace->order[s]];
        put(out, row->component, 4);
        put(out, row->n_cross, 4);
        put(out, row->n_lower, 4);
        put(out, row->n_upper, 4);
    }
    put_states(out, trace->left_state, trace->n_left);
    put_states(out, trace->right_state, trace->n_right);
}

void ph_trace_file_write(const ph_trace *trace, const char *model, size_t model_length,
                         const ph_setting *settings, size_t n_settings, ph_buffer *out)
{
    ph_buffer body = {0};
    put(&body, model_length, 8);
    ph_buffer_add_n(&body, model, model_length);
    put(&body, n_settings, 8);
    for (size_t i = 0; i < n_settings; i++) {
        size_t length = strlen(settings[i].name);
        put(&body, length, 8);
        ph_buffer_add_n(&body, settings[i].name, length);
        put(&body, 0, 1);
        put_double(&body, settings[i].value);
    }
    put_graph_digest(&body, trace->graph);
    put_steps(&body, trace);
    ph_buffer_add_n(out, MAGIC, 8);
    put(out, VERSION, 4);
    put(out, trace->summary.order, 4);
    put(out, HEAD + body.length + DIGEST, 8);
    ph_buffer_add_n(out, body.text, body.length);
    put_digest(out, out->text, out->length);
    out->failed |= body.failed;
    ph_buffer_free(&body);
}

/* ------------------------------------------------------------------ reading */

typedef struct reader {
    const unsigned char *at, *end;
    int failed;
} reader;

/* The next `length` bytes; NULL and `failed` where there are not as many. */
static const unsigned char *take(reader *self, uint64_t length)
{
    if (self->failed || (uint64_t)(self->end - self->at) < length) {
        self->failed = 1;
        return NULL;
    }
    const unsigned char *bytes = self->at;
    self->at += length;
    return bytes;
}

static uint64_t get(reader *self, int bytes)
{
    const unsigned char *from = take(self, (uint64_t)bytes);
    uint64_t value = 0;
    for (int i = bytes; from && i-- > 0;) {
        value = value << 8 | from[i];
    }
    return value;
}

static int bad(ph_error *error, const char *name, const char *why)
{
    ph_error_file(error, name);
    return ph_error_set(error, PH_E_MODEL, "%s: write it again with phasic trace", why);
}

int ph_trace_file_is(const char *bytes, size_t length)
{
    return length >= 8 && memcmp(bytes, MAGIC, 8) == 0;
}

/* Magic, version, length and digest; leaves `body` behind the head. */
static int open_frame(const char *name, const char *bytes, size_t length, reader *body,
                      ph_trace_order *order, ph_error *error)
{
    reader head = {(const unsigned char *)bytes, (const unsigned char *)bytes + length,
                   0};
    if (!ph_trace_file_is(bytes, length)) {
        return bad(error, name, "this is not a trace file");
    }
    (void)take(&head, 8);
    uint64_t version = get(&head, 4), rule = get(&head, 4), whole = get(&head, 8);
    if (head.failed) {
        return bad(error, name, "the trace file is cut short");
    }
    if (version != VERSION) {
        ph_error_file(error, name);
        return ph_error_set(error, PH_E_MODEL,
                            "the trace file has format %llu, and this program reads "
                            "format %d: write it again with phasic trace",
                            (unsigned long long)version, VERSION);
    }
    if (length < HEAD + DIGEST || length < whole) {
        return bad(error, name, "the trace file is cut short");
    }
    ph_buffer digest = {0};
    put_digest(&digest, bytes, length - DIGEST);
    int same =
        !digest.failed && memcmp(digest.text, bytes + length - DIGEST, DIGEST) == 0;
    int failed = digest.failed;
    ph_buffer_free(&digest);
    if (failed) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    if (!same || length != whole || rule > PH_TRACE_NATURAL) {
        return bad(error, name, "the trace file is damaged: its checksum does not fit");
    }
    *order = (ph_trace_order)rule;
    *body = (reader){head.at, head.end - DIGEST, 0};
    return PH_OK;
}

static int open_settings(ph_trace_file *self, reader *body)
{
    uint64_t count = get(body, 8);
    if (body->failed || count > (uint64_t)(body->end - body->at)) {
        body->failed = 1;
        return PH_OK;
    }
    self->settings = ph_alloc((size_t)count, sizeof *self->settings);
    if (!self->settings) {
        return PH_E_MEMORY;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length = get(body, 8), bits;
        const unsigned char *name = take(body, length), *end = take(body, 1);
        bits = get(body, 8);
        if (body->failed || *end != 0) {
            body->failed = 1;
            return PH_OK;
        }
        self->settings[i].name = (const char *)name;
        memcpy(&self->settings[i].value, &bits, sizeof bits);
    }
    self->n_settings = (size_t)count;
    return PH_OK;
}

int ph_trace_file_open(ph_trace_file *self, const char *name, const char *bytes,
                       size_t length, ph_error *error)
{
    ph_trace_file file = {0};
    reader body = {0};
    int status = open_frame(name, bytes, length, &body, &file.order, error);
    if (status != PH_OK) {
        return status;
    }
    file.model_length = (size_t)get(&body, 8);
    file.model = (const char *)take(&body, file.model_length);
    status = open_settings(&file, &body);
    file.graph_digest = take(&body, DIGEST);
    file.steps = body.at;
    file.steps_length = (size_t)(body.end - body.at);
    if (status == PH_OK && body.failed) {
        status = bad(error, name, "the trace file is damaged: its lengths do not fit");
    }
    if (status != PH_OK) {
        ph_trace_file_close(&file);
        return ph_error_set(error, status, "out of memory");
    }
    *self = file;
    return PH_OK;
}

void ph_trace_file_close(ph_trace_file *self)
{
    free(self->settings);
    *self = (ph_trace_file){0};
}

static int get_states(reader *body, uint32_t *state, size_t n, size_t limit)
{
    for (size_t i = 0; i < n; i++) {
        state[i] = (uint32_t)get(body, 4);
        if (state[i] >= limit) {
            return 0;
        }
    }
    return !body->failed;
}

/* Rows by step, into their states' places; every state once. */
static int get_rows(reader *body, ph_trace *trace, unsigned char *seen)
{
    size_t left = 0, right = 0;
    uint32_t component = 0;
    for (size_t s = 0; s < trace->n; s++) {
        uint32_t i = trace->order[s];
        ph_trace_row *row = &trace->row[i];
        row->component = (uint32_t)get(body, 4);
        row->n_cross = (uint32_t)get(body, 4);
        row->n_lower = (uint32_t)get(body, 4);
        row->n_upper = (uint32_t)get(body, 4);
        row->left = left;
        row->right = right;
        left += (size_t)row->n_cross + row->n_lower;
        right += row->n_upper;
        if (seen[i]++ || row->component < component) {
            return 0;
        }
        component = row->component;
    }
    return !body->failed && left == trace->n_left && right == trace->n_right;
}

static int get_steps(reader *body, ph_trace *trace)
{
    unsigned char *seen = ph_alloc(trace->n, 1);
    if (!seen) {
        return PH_E_MEMORY;
    }
    int good = get_states(body, trace->order, trace->n, trace->n) &&
               get_rows(body, trace, seen) &&
               get_states(body, trace->left_state, trace->n_left, trace->n) &&
               get_states(body, trace->right_state, trace->n_right, trace->n) &&
               body->at == body->end;
    free(seen);
    return good ? PH_OK : PH_E_MODEL;
}

int ph_trace_file_load(const ph_trace_file *self, const char *name,
                       const ph_graph *graph, ph_trace **trace, ph_error *error)
{
    reader body = {self->steps, self->steps + self->steps_length, 0};
    uint64_t n = get(&body, 8), n_left = get(&body, 8), n_right = get(&body, 8);
    ph_buffer digest = {0};
    ph_trace *it = NULL;
    int status = PH_E_MEMORY;
    put_graph_digest(&digest, graph);
    if (digest.failed) {
        goto out;
    }
    if (n != graph->n || memcmp(digest.text, self->graph_digest, DIGEST) != 0) {
        status = bad(error, name,
                     "this program enumerates the states of the trace file's model in "
                     "another way than the one that wrote it");
        goto out;
    }
    if (body.failed || n_left > self->steps_length || n_right > self->steps_length) {
        status = PH_E_MODEL;
        goto out;
    }
    it = ph_trace_empty(graph, (size_t)n_left, (size_t)n_right);
    if (it) {
        status = get_steps(&body, it);
    }
    if (status == PH_OK) {
        it->summary.order = self->order;
        ph_trace_count(it);
        status = ph_trace_check(it);
    }
out:
    ph_buffer_free(&digest);
    if (status != PH_OK) {
        ph_trace_free(it);
        return status == PH_E_MODEL
                   ? bad(error, name, "the trace file does not fit its model")
                   : ph_error_set(error, status, "out of memory");
    }
    *trace = it;
    return PH_OK;
}
