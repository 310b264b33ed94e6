/* Answers the prompt of the command line, after a self-test. The weights' file comes second, if the
   model has one. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_model.h"

static int fail(const EdgeSession *session, const char *what) {
    EdgeText message = edge_message(session);
    fprintf(stderr, "%s: %.*s\n", what, (int)message.len, (const char *)message.data);
    return 1;
}

static int generate(EdgeSession *session, const char *prompt) {
    EdgeOptions options = edge_default_options();
    options.max_tokens = 64;
    if (edge_generate(session, (const uint8_t *)prompt, strlen(prompt), &options)) {
        return fail(session, "prompt");
    }
    EdgePiece piece;
    while (edge_next(session, &piece) == EDGE_STATUS_OK) {
        fwrite(piece.text.data, 1, piece.text.len, stdout);
        fflush(stdout);
    }
    putchar('\n');
    return 0;
}

/* What the session knows can go to a file, and on from there on another machine. */
static int save_and_restore(EdgeSession *session) {
    size_t len = edge_saved_bytes(session);
    uint8_t *saved = calloc(len, 1);
    if (!saved || edge_save(session, saved, len)) {
        free(saved);
        return fail(session, "save");
    }
    int failed = edge_restore(session, saved, len);
    printf("restored: %s\n", failed ? "no" : "ok");
    saved[len - 1] ^= 1;
    printf("changed state: %s\n", edge_restore(session, saved, len) ? "refused" : "taken");
    free(saved);
    return failed;
}

/* The content of a file, or NULL. Where there is a system to map it, as mmap does, that is quicker. */
static uint8_t *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (file && !fseek(file, 0, SEEK_END)) {
        long end = ftell(file);
        *len = end > 0 ? (size_t)end : 0;
        rewind(file);
        bytes = malloc(*len + 1);
        if (bytes && fread(bytes, 1, *len, file) != *len) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (file) {
        fclose(file);
    }
    return bytes;
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s PROMPT [WEIGHTS]\n", argv[0]);
        return 2;
    }
    if (edge_version() != EDGE_VERSION) {
        fprintf(stderr, "the library is not the header's\n");
        return 1;
    }
    size_t weights_len = 0;
    uint8_t *weights = argc == 3 ? read_file(argv[2], &weights_len) : NULL;
    if (argc == 3 && !weights) {
        fprintf(stderr, "cannot read %s\n", argv[2]);
        return 1;
    }
    size_t len = edge_session_bytes();
    uint8_t *memory = malloc(len);
    EdgeSession *session;
    EdgeStatus opened = !memory ? EDGE_STATUS_NO_ROOM
        : weights ? edge_open_with_weights(memory, len, weights, weights_len, &session)
                  : edge_open(memory, len, &session);
    if (opened != EDGE_STATUS_OK) {
        fprintf(stderr, "no session: status %d\n", opened);
        free(memory);
        free(weights);
        return 1;
    }

    uint64_t hash;
    int failed = edge_self_test(session, &hash) ? fail(session, "self-test") : 0;
    printf("self-test: %016" PRIx64 "\n", hash);
    failed = failed || generate(session, argv[1]) || save_and_restore(session);
    if (edge_generate(session, (const uint8_t *)"\xff", 1, NULL)) {
        EdgeText message = edge_message(session);
        printf("a wrong prompt: %.*s\n", (int)message.len, (const char *)message.data);
    }

    edge_close(session);
    free(memory);
    free(weights);
    return failed != 0;
}
