/* Asks the model through its C interface: ask QUESTIONS. A line of the file is a question, with
   tabs between its kind (generate, chat, or system for a chat with a system message), the system
   message, the prompt, max_tokens, temperature, top_k, top_p and seed; a question without the
   last five has the default options. Of each answer a line is printed: its text as hexadecimal
   bytes, a tab, why it ended, a tab, and its tokens with commas between them. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_model.h"

static int begin(EdgeSession *session, char **fields, int count) {
    EdgeOptions options;
    const EdgeOptions *settings = NULL;
    if (count == 8) {
        options.max_tokens = (uint32_t)strtoul(fields[3], NULL, 10);
        options.temperature = strtof(fields[4], NULL);
        options.top_k = (uint32_t)strtoul(fields[5], NULL, 10);
        options.top_p = strtof(fields[6], NULL);
        options.seed = strtoull(fields[7], NULL, 10);
        settings = &options;
    }
    const uint8_t *system = (const uint8_t *)fields[1], *prompt = (const uint8_t *)fields[2];
    size_t system_len = strlen(fields[1]), len = strlen(fields[2]);
    if (!strcmp(fields[0], "generate")) {
        return edge_generate(session, prompt, len, settings);
    }
    if (!strcmp(fields[0], "chat")) {
        return edge_chat(session, NULL, 0, prompt, len, settings);
    }
    return edge_chat(session, system, system_len, prompt, len, settings);
}

static const char *finish(const EdgeSession *session) {
    switch (edge_finish(session)) {
    case EDGE_FINISH_STOP:
        return "stop";
    case EDGE_FINISH_MAX_TOKENS:
        return "max_tokens";
    case EDGE_FINISH_CONTEXT_FULL:
        return "context_full";
    default:
        return "running";
    }
}

static int answer(EdgeSession *session, char *line) {
    char *fields[8];
    int count = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *field = line; field && count < 8; count++) {
        fields[count] = field;
        field = strchr(field, '\t');
        if (field) {
            *field++ = 0;
        }
    }
    if (count < 3 || begin(session, fields, count)) {
        EdgeText message = edge_message(session);
        fprintf(stderr, "%.*s\n", (int)message.len, (const char *)message.data);
        return 1;
    }
    EdgePiece piece;
    EdgeStatus status;
    int32_t tokens[256];
    size_t given = 0;
    while (!(status = edge_next(session, &piece))) {
        for (size_t i = 0; i < piece.text.len; i++) {
            printf("%02x", piece.text.data[i]);
        }
        if (piece.token >= 0) {
            tokens[given++ % 256] = piece.token;
        }
    }
    printf("\t%s\t", finish(session));
    for (size_t i = 0; i < given && i < 256; i++) {
        printf("%" PRId32 ",", tokens[i]);
    }
    putchar('\n');
    return status != EDGE_STATUS_DONE;
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    size_t len = edge_session_bytes();
    uint8_t *memory = malloc(len);
    EdgeSession *session;
    if (!file || !memory || edge_open(memory, len, &session)) {
        fprintf(stderr, "no questions or no session\n");
        return 1;
    }
    char line[4096];
    int failed = 0;
    while (!failed && fgets(line, sizeof line, file)) {
        failed = answer(session, line);
    }
    edge_close(session);
    free(memory);
    fclose(file);
    return failed;
}
