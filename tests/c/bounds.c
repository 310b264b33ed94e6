/* Calls every function of the C interface with every argument at its bounds:
   bounds NAME CONTEXT HASH KIND, where KIND is `chat` for a model with a chat template that takes
   a system message and without a schema, or `schema` for one with a schema and no template.
   Linked with --wrap=pthread_create, so that it sees the threads that are made. */

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_model.h"

#define MUST(holds)                                                     \
    do {                                                                \
        if (!(holds)) {                                                 \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #holds); \
            exit(1);                                                    \
        }                                                               \
    } while (0)

#define PROMPT "Once upon a time"
#define LENGTH(text) (sizeof(text) - 1)

static int threads_made;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *with) {
    threads_made++;
    return __real_pthread_create(thread, how, run, with);
}

static const uint8_t *bytes(const char *text) {
    return (const uint8_t *)text;
}

static int says(const EdgeSession *session, const char *expected) {
    EdgeText message = edge_message(session);
    int same = message.len == strlen(expected) && !memcmp(message.data, expected, message.len);
    if (!same) {
        fprintf(stderr, "it says: %.*s\n", (int)message.len, (const char *)message.data);
    }
    return same;
}

/* Memory of exactly the size that a session needs, so that a checker of memory sees more. */
typedef struct {
    uint8_t *memory;
    EdgeSession *session;
} Opened;

static Opened open_at(size_t offset) {
    size_t len = edge_session_bytes();
    Opened opened = {malloc(offset + len), NULL};
    MUST(opened.memory);
    /* What lies there must not matter. */
    memset(opened.memory, 0xA5, offset + len);
    MUST(edge_open(opened.memory + offset, len, &opened.session) == EDGE_STATUS_OK);
    MUST((uint8_t *)opened.session >= opened.memory + offset);
    return opened;
}

static void done(Opened opened) {
    edge_close(opened.session);
    free(opened.memory);
}

/* The rest of an answer; gives the number of its tokens. */
static uint32_t rest(EdgeSession *session, char *text, size_t room) {
    EdgePiece piece;
    uint32_t tokens = 0, left = UINT32_MAX;
    size_t len = 0;
    EdgeStatus status;
    while ((status = edge_next(session, &piece)) == EDGE_STATUS_OK) {
        MUST(piece.prompt_left < left || piece.prompt_left == 0);
        left = piece.prompt_left;
        MUST(piece.token >= -1);
        if (piece.prompt_left > 0) {
            MUST(piece.token == -1 && piece.text.len == 0);
        }
        tokens += piece.token >= 0;
        MUST(len + piece.text.len < room);
        memcpy(text + len, piece.text.data, piece.text.len);
        len += piece.text.len;
    }
    MUST(status == EDGE_STATUS_DONE);
    text[len] = 0;
    return tokens;
}

typedef struct {
    char text[4096];
} Text;

static Text text_of(EdgeSession *session) {
    Text text;
    rest(session, text.text, sizeof text.text);
    return text;
}

static int same(Text a, Text b) {
    return !strcmp(a.text, b.text);
}

static Text generated(EdgeSession *session, const char *prompt, size_t len) {
    EdgeOptions options = edge_default_options();
    options.max_tokens = 24;
    MUST(edge_generate(session, bytes(prompt), len, &options) == EDGE_STATUS_OK);
    return text_of(session);
}

static Text chatted(EdgeSession *session, const char *system, size_t system_len, const char *user, size_t len) {
    EdgeOptions options = edge_default_options();
    options.max_tokens = 24;
    MUST(edge_chat(session, bytes(system), system_len, bytes(user), len, &options) == EDGE_STATUS_OK);
    return text_of(session);
}

static void model(const char *name, uint32_t context) {
    MUST(edge_version() == EDGE_VERSION);
    EdgeText found = edge_model_name();
    MUST(found.len == strlen(name) && !memcmp(found.data, name, found.len));
    MUST(edge_context() == context);
    EdgeOptions options = edge_default_options();
    MUST(options.max_tokens == 0 && options.temperature == 0 && options.seed == 0);
    MUST(options.top_k == 40 && options.top_p == 0.95f);
}

static void opening(void) {
    size_t len = edge_session_bytes();
    uint8_t *memory = malloc(len);
    MUST(memory);
    EdgeSession *const untouched = (EdgeSession *)memory;
    EdgeSession *session = untouched;
    MUST(edge_open(NULL, len, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open(memory, len, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open(memory, len - 1, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open(memory, 0, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    /* Weights have no place where they are in the library. */
    const uint8_t *weights = bytes("weights");
    MUST(edge_open_with_weights(memory, len, weights, 1, &session) == EDGE_STATUS_WEIGHTS);
    MUST(edge_open_with_weights(memory, len, NULL, 0, &session) == EDGE_STATUS_WEIGHTS);
    MUST(edge_open_with_weights(memory, len, NULL, 1, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open_with_weights(memory, len, weights, SIZE_MAX, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open_with_weights(memory, len - 1, weights, 1, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open_with_weights(NULL, len, weights, 1, &session) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_open_with_weights(memory, len, weights, 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(session == untouched);
    /* Memory can be used again. */
    for (int i = 0; i < 3; i++) {
        MUST(edge_open(memory, len, &session) == EDGE_STATUS_OK);
        MUST(says(session, ""));
        generated(session, PROMPT, LENGTH(PROMPT));
        edge_close(session);
    }
    free(memory);
    Opened first = open_at(0);
    Text expected = generated(first.session, PROMPT, LENGTH(PROMPT));
    done(first);
    for (size_t offset = 1; offset < 64; offset += offset < 17 ? 1 : 15) {
        Opened opened = open_at(offset);
        MUST(same(generated(opened.session, PROMPT, LENGTH(PROMPT)), expected));
        done(opened);
    }
}

static void without_a_session(void) {
    EdgeOptions options = edge_default_options();
    EdgePiece piece;
    uint64_t hash;
    uint8_t byte;
    MUST(edge_generate(NULL, bytes("a"), 1, &options) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_chat(NULL, NULL, 0, bytes("a"), 1, &options) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_next(NULL, &piece) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_finish(NULL) == EDGE_FINISH_RUNNING);
    MUST(edge_self_test(NULL, &hash) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_saved_bytes(NULL) == 0);
    MUST(edge_save(NULL, &byte, 1) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_restore(NULL, &byte, 1) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(NULL, "the session is null"));
    edge_set_threads(NULL, 2);
    edge_close(NULL);
}

static void prompts(uint32_t context) {
    Opened opened = open_at(3);
    EdgeSession *session = opened.session;
    const char *wrong = "the prompt is null or not UTF-8";
    MUST(edge_generate(session, NULL, 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, wrong));
    MUST(edge_generate(session, bytes("\xff"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_generate(session, bytes("é"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_generate(session, bytes("a"), SIZE_MAX, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_generate(session, bytes("a"), (size_t)PTRDIFF_MAX + 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, wrong));

    size_t len = 40000;
    char *prompt = malloc(len);
    MUST(prompt);
    for (size_t i = 0; i < len; i++) {
        prompt[i] = "word "[i % 5];
    }
    MUST(edge_generate(session, bytes(prompt), len, NULL) == EDGE_STATUS_PROMPT);
    char message[100];
    snprintf(message, sizeof message, "the prompt does not fit the context of %" PRIu32 " tokens", context);
    MUST(says(session, message));
    free(prompt);

    /* A prompt is as long as its length says, and need not end with a zero. */
    char *exact = malloc(4);
    MUST(exact);
    memcpy(exact, "Once", 4);
    Text whole = generated(session, exact, 4), shorter = generated(session, exact, 3);
    free(exact);
    MUST(same(shorter, generated(session, "Onc", 3)));
    MUST(!same(shorter, whole));
    /* Nothing is a prompt too, since the model begins with a token of its own. */
    MUST(same(generated(session, NULL, 0), generated(session, "", 0)));
    done(opened);
}

static void refused(EdgeSession *session, EdgeOptions options, const char *message) {
    MUST(edge_generate(session, bytes("a"), 1, &options) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, message));
}

static void options(void) {
    Opened opened = open_at(5);
    EdgeSession *session = opened.session;
    const float temperatures[] = {-1, -0.001f, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof temperatures / sizeof *temperatures; i++) {
        EdgeOptions options = edge_default_options();
        options.temperature = temperatures[i];
        refused(session, options, "temperature must be a number from 0 on");
    }
    const float top_ps[] = {-1, 0, 1.001f, NAN, INFINITY};
    for (size_t i = 0; i < sizeof top_ps / sizeof *top_ps; i++) {
        EdgeOptions options = edge_default_options();
        options.top_p = top_ps[i];
        refused(session, options, "top_p must be above 0 and at most 1");
    }
    EdgeOptions most = {UINT32_MAX, 3e38f, UINT32_MAX, 1, UINT64_MAX};
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &most) == EDGE_STATUS_OK);
    text_of(session);

    EdgeOptions defaults = edge_default_options();
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &defaults) == EDGE_STATUS_OK);
    Text given = text_of(session);
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), NULL) == EDGE_STATUS_OK);
    MUST(same(text_of(session), given));

    done(opened);
}

static int threads_of(EdgeSession *session, uint32_t threads) {
    edge_set_threads(session, threads);
    threads_made = 0;
    MUST(edge_self_test(session, NULL) == EDGE_STATUS_OK);
    return threads_made;
}

static void threads(void) {
    Opened opened = open_at(6);
    EdgeSession *session = opened.session;
    MUST(threads_of(session, 1) == 0);
    MUST(threads_of(session, 2) > 0);
    MUST(threads_of(session, 0) == 0);
    MUST(threads_of(session, UINT32_MAX) > 0);
    done(opened);
}

static void steps(void) {
    Opened opened = open_at(7);
    EdgeSession *session = opened.session;
    EdgePiece piece;
    Text text;
    MUST(edge_next(session, &piece) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, "no answer was begun"));
    MUST(edge_finish(session) == EDGE_FINISH_RUNNING);
    MUST(edge_next(session, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, "the piece is null"));

    EdgeOptions options = edge_default_options();
    options.max_tokens = 7;
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &options) == EDGE_STATUS_OK);
    MUST(edge_finish(session) == EDGE_FINISH_RUNNING);
    MUST(edge_next(session, &piece) == EDGE_STATUS_OK);
    /* A call that was wrong does not end the answer. */
    MUST(edge_next(session, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_finish(session) == EDGE_FINISH_RUNNING);
    MUST((piece.token >= 0) + rest(session, text.text, sizeof text.text) == 7);
    MUST(edge_finish(session) == EDGE_FINISH_MAX_TOKENS);
    MUST(edge_next(session, &piece) == EDGE_STATUS_DONE);
    MUST(edge_finish(session) == EDGE_FINISH_MAX_TOKENS);

    /* One that is given up for another leaves no trace. */
    Text expected = generated(session, PROMPT, LENGTH(PROMPT));
    MUST(edge_generate(session, bytes("Another"), 7, NULL) == EDGE_STATUS_OK);
    MUST(edge_next(session, &piece) == EDGE_STATUS_OK);
    MUST(same(generated(session, PROMPT, LENGTH(PROMPT)), expected));

    /* Nor do two sessions disturb each other. */
    Opened other = open_at(0);
    MUST(edge_generate(other.session, bytes("Another"), 7, NULL) == EDGE_STATUS_OK);
    MUST(edge_next(other.session, &piece) == EDGE_STATUS_OK);
    MUST(same(generated(session, PROMPT, LENGTH(PROMPT)), expected));
    done(other);

    /* A prompt of more than one batch says how much of it is left. */
    other = open_at(0);
    char words[600];
    size_t len = sizeof words;
    for (size_t i = 0; i < len; i++) {
        words[i] = "lamp "[i % 5];
    }
    while (edge_generate(other.session, bytes(words), len, NULL) != EDGE_STATUS_OK) {
        MUST(len -= 5);
    }
    MUST(edge_next(other.session, &piece) == EDGE_STATUS_OK);
    MUST(piece.prompt_left > 0 && piece.token == -1);
    rest(other.session, text.text, sizeof text.text);
    done(other);

    /* A prompt that is refused ends the answer before it. */
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &options) == EDGE_STATUS_OK);
    options.top_p = 0;
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &options) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_next(session, &piece) == EDGE_STATUS_INVALID_ARGUMENT);
    done(opened);
}

static void self_tests(uint64_t expected) {
    Opened opened = open_at(1);
    EdgeSession *session = opened.session;
    EdgePiece piece;
    uint64_t hash = 0;
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), NULL) == EDGE_STATUS_OK);
    MUST(edge_self_test(session, &hash) == EDGE_STATUS_OK);
    MUST(hash == expected);
    MUST(edge_self_test(session, NULL) == EDGE_STATUS_OK);
    MUST(edge_next(session, &piece) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, "no answer was begun"));
    done(opened);
}

static void states(void) {
    Opened opened = open_at(2), other = open_at(0);
    EdgeSession *session = opened.session, *second = other.session;
    EdgePiece piece;
    size_t empty = edge_saved_bytes(session);
    generated(session, PROMPT, LENGTH(PROMPT));
    size_t len = edge_saved_bytes(session);
    MUST(len > empty && empty > 0);
    uint8_t *saved = calloc(len + 1, 1), *again = calloc(len + 1, 1);
    MUST(saved && again);
    saved[len] = 0xA5;
    MUST(edge_save(session, NULL, len) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, "the buffer is null or impossibly long"));
    MUST(edge_save(session, saved, SIZE_MAX) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_save(session, saved, 0) == EDGE_STATUS_NO_ROOM);
    MUST(edge_save(session, saved, len - 1) == EDGE_STATUS_NO_ROOM);
    char message[100];
    snprintf(message, sizeof message, "the buffer is too small: %zu bytes are needed", len);
    MUST(says(session, message));
    MUST(edge_save(session, saved, len + 1) == EDGE_STATUS_OK);
    MUST(saved[len] == 0xA5);
    MUST(edge_save(session, again, len) == EDGE_STATUS_OK);
    MUST(!memcmp(saved, again, len));

    MUST(edge_restore(second, NULL, len) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(second, "the state is null"));
    MUST(edge_restore(second, saved, SIZE_MAX) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_restore(second, NULL, 0) == EDGE_STATUS_STATE);
    MUST(says(second, "not a saved state of this model: it is too short"));
    MUST(edge_restore(second, saved, len - 1) == EDGE_STATUS_STATE);
    MUST(edge_restore(second, saved, len + 1) == EDGE_STATUS_STATE);
    for (size_t at = 0; at < len; at += 1 + len / 50) {
        saved[at] ^= 1;
        MUST(edge_restore(second, saved, len) == EDGE_STATUS_STATE);
        saved[at] ^= 1;
    }
    MUST(edge_saved_bytes(second) == empty);

    MUST(edge_generate(second, bytes(PROMPT), LENGTH(PROMPT), NULL) == EDGE_STATUS_OK);
    MUST(edge_restore(second, saved, len) == EDGE_STATUS_OK);
    MUST(edge_next(second, &piece) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_saved_bytes(second) == len);
    memset(again, 0, len);
    MUST(edge_save(second, again, len) == EDGE_STATUS_OK);
    MUST(!memcmp(saved, again, len));
    free(saved);
    free(again);
    done(opened);
    done(other);
}

static void chats(void) {
    Opened opened = open_at(9);
    EdgeSession *session = opened.session;
    const char *wrong = "a message is null or not UTF-8";
    MUST(edge_chat(session, NULL, 0, NULL, 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, wrong));
    MUST(edge_chat(session, NULL, 1, bytes("a"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_chat(session, bytes("\xff"), 1, bytes("a"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_chat(session, bytes("é"), 1, bytes("a"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_chat(session, NULL, 0, bytes("\xff"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_chat(session, NULL, 0, bytes("a"), SIZE_MAX, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(edge_chat(session, bytes("a"), SIZE_MAX, bytes("a"), 1, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, wrong));
    EdgeOptions options = edge_default_options();
    options.temperature = -1;
    MUST(edge_chat(session, NULL, 0, bytes("a"), 1, &options) == EDGE_STATUS_INVALID_ARGUMENT);
    MUST(says(session, "temperature must be a number from 0 on"));

    /* Each message is as long as its length says. */
    Text with = chatted(session, "Be brief", 8, "Hello you", 9);
    MUST(same(chatted(session, "Be brief!", 8, "Hello you!", 9), with));
    MUST(!same(chatted(session, "Be brief", 7, "Hello you", 9), with));
    MUST(!same(chatted(session, "Be brief", 8, "Hello you", 8), with));
    /* An empty system message is not the same as none. */
    Text without = chatted(session, NULL, 0, "Hello you", 9);
    Text empty = chatted(session, "", 0, "Hello you", 9);
    MUST(!same(with, without) && !same(empty, without) && !same(with, empty));
    MUST(same(chatted(session, NULL, 0, NULL, 0), chatted(session, NULL, 0, "", 0)));
    done(opened);
}

/* A model without a schema and with weights of no training does not end by itself. */
static void endless(uint32_t context) {
    Opened opened = open_at(11);
    Text text;
    EdgeOptions options = edge_default_options();
    options.temperature = 1;
    MUST(edge_generate(opened.session, bytes("a"), 1, &options) == EDGE_STATUS_OK);
    uint32_t tokens = rest(opened.session, text.text, sizeof text.text);
    MUST(edge_finish(opened.session) == EDGE_FINISH_CONTEXT_FULL);
    MUST(tokens < context);
    done(opened);
}

static void schemas(void) {
    Opened opened = open_at(13);
    EdgeSession *session = opened.session;
    MUST(edge_chat(session, NULL, 0, bytes("a"), 1, NULL) == EDGE_STATUS_CHAT);
    MUST(says(session, "the model has no chat template"));
    EdgeOptions options = edge_default_options();
    options.max_tokens = 1;
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &options) == EDGE_STATUS_NO_ROOM);
    EdgeText message = edge_message(session);
    MUST(message.len > 40 && !memcmp(message.data, "the shortest answer has ", 24));
    options.max_tokens = 0;
    MUST(edge_generate(session, bytes(PROMPT), LENGTH(PROMPT), &options) == EDGE_STATUS_OK);
    MUST(text_of(session).text[0] == '{');
    MUST(edge_finish(session) == EDGE_FINISH_STOP);
    done(opened);
}

int main(int argc, char **argv) {
    MUST(argc == 5);
    uint32_t context = (uint32_t)strtoul(argv[2], NULL, 10);
    model(argv[1], context);
    without_a_session();
    if (!strcmp(argv[4], "schema")) {
        schemas();
        return 0;
    }
    opening();
    prompts(context);
    options();
    threads();
    steps();
    self_tests(strtoull(argv[3], NULL, 16));
    states();
    chats();
    endless(context);
    return 0;
}
