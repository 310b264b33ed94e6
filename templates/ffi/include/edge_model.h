/* A model as a C library, made by edgegen.

   Pointers to text and pieces belong to the session and are valid until the next call with it.
   A session may move between threads, but two threads must not use it at once. Every function
   that takes a session takes one that edge_open gave and edge_close has not ended. Nothing
   unwinds or calls back. */

#ifndef EDGE_MODEL_H
#define EDGE_MODEL_H

#include <stddef.h>
#include <stdint.h>

// The version of this interface: it changes when a caller must.
#define EDGE_VERSION 1

// How a call ended.
typedef enum {
  // It did what it should.
  EDGE_STATUS_OK = 0,
  // The answer has ended; [`edge_finish`] says why.
  EDGE_STATUS_DONE = 1,
  // A null pointer, memory that is too small, text that is not UTF-8, or an option that means
  // nothing.
  EDGE_STATUS_INVALID_ARGUMENT = -1,
  // The prompt is empty, or too long for the context.
  EDGE_STATUS_PROMPT = -2,
  // The model has no chat template, or no place for a system message.
  EDGE_STATUS_CHAT = -3,
  // Bytes that are no saved state of this model.
  EDGE_STATUS_STATE = -4,
  // The CPU lacks an instruction set that the model was compiled for.
  EDGE_STATUS_CPU = -5,
  // The self-test found other bits than edgegen computed.
  EDGE_STATUS_SELF_TEST = -6,
  // There is no room for what was asked.
  EDGE_STATUS_NO_ROOM = -7,
  // The weights are missing, not those of this model, cut off or changed; or they were given to
  // a library that has them inside.
  EDGE_STATUS_WEIGHTS = -8,
} EdgeStatus;

// Why an answer ended.
typedef enum {
  // It has not.
  EDGE_FINISH_RUNNING = 0,
  // The model ended it, or the schema says that it is whole.
  EDGE_FINISH_STOP = 1,
  // The greatest number of tokens is reached.
  EDGE_FINISH_MAX_TOKENS = 2,
  // The context is full.
  EDGE_FINISH_CONTEXT_FULL = 3,
} EdgeFinish;

// A conversation with the model.
typedef struct EdgeSession EdgeSession;

// Bytes of UTF-8, without a zero at the end.
typedef struct {
  // The first byte.
  const uint8_t *data;
  // Their number.
  size_t len;
} EdgeText;

// Settings of an answer.
typedef struct {
  // Tokens at most; 0 leaves it to the context.
  uint32_t max_tokens;
  // 0 takes the most probable token; 1 leaves the model's probabilities as they are.
  float temperature;
  // Only so many of the most probable tokens are sampled; 0 is all.
  uint32_t top_k;
  // Only the most probable tokens that have this probability together are sampled; 1 is all.
  float top_p;
  // Equal seeds give equal texts, on every machine.
  uint64_t seed;
} EdgeOptions;

// What one step gave.
typedef struct {
  // Text; may be empty.
  EdgeText text;
  // The token, or -1.
  int32_t token;
  // Tokens of the prompt that are yet to be read; text comes when there are none.
  uint32_t prompt_left;
} EdgePiece;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// [`EDGE_VERSION`] of the library, to compare with that of the header.
uint32_t edge_version(void);

// The model's name.
EdgeText edge_model_name(void);

// Tokens that a session holds.
uint32_t edge_context(void);

// Bytes of memory that [`edge_open`] needs, at any address.
size_t edge_session_bytes(void);

// Greedy, to the end of the answer or of the context.
EdgeOptions edge_default_options(void);

// Makes a session in `len` bytes of memory and writes its address to `session`.
//
// # Safety
// The memory is the session's alone until [`edge_close`]; `session` can be written to.
EdgeStatus edge_open(uint8_t *memory, size_t len, EdgeSession **session);

// [`edge_open`] for a model whose weights are in a file: `weights` is the file's content, for
// instance mapped. It is checked by its hash, and read fastest from a multiple of 64 on.
//
// # Safety
// As [`edge_open`]; the weights have `weights_len` bytes, which nobody changes until
// [`edge_close`].
EdgeStatus edge_open_with_weights(uint8_t *memory,
                                  size_t len,
                                  const uint8_t *weights,
                                  size_t weights_len,
                                  EdgeSession **session);

// Ends a session; its memory is the caller's again.
//
// # Safety
// As the head of this file says; null is allowed.
void edge_close(EdgeSession *session);

// The message of the last call that failed; empty before the first.
//
// # Safety
// As the head of this file says.
EdgeText edge_message(const EdgeSession *session);

// Sets the number of threads. No number changes a bit of the results.
//
// # Safety
// As the head of this file says.
void edge_set_threads(EdgeSession *session, uint32_t threads);

// Begins the continuation of a prompt; [`edge_next`] gives it. Null options are the default.
//
// # Safety
// As the head of this file says; the prompt has `len` bytes.
EdgeStatus edge_generate(EdgeSession *session,
                         const uint8_t *prompt,
                         size_t len,
                         const EdgeOptions *settings);

// Begins the answer to a user's message with the model's chat template; a null `system` is none.
//
// # Safety
// As the head of this file says; the texts have as many bytes as their lengths say.
EdgeStatus edge_chat(EdgeSession *session,
                     const uint8_t *system,
                     size_t system_len,
                     const uint8_t *user,
                     size_t user_len,
                     const EdgeOptions *settings);

// Reads a batch of the prompt or generates a piece. Not calling it again cancels the answer.
//
// # Safety
// As the head of this file says; `piece` can be written to.
EdgeStatus edge_next(EdgeSession *session, EdgePiece *piece);

// Why the answer ended.
//
// # Safety
// As the head of this file says.
EdgeFinish edge_finish(const EdgeSession *session);

// Compares this machine's results with edgegen's, to the bit, and writes the hash of the logits
// to `hash` unless that is null. The session is reset.
//
// # Safety
// As the head of this file says.
EdgeStatus edge_self_test(EdgeSession *session, uint64_t *hash);

// Bytes that [`edge_save`] writes.
//
// # Safety
// As the head of this file says.
size_t edge_saved_bytes(const EdgeSession *session);

// Writes what the session has read and generated to `out`: the same on every machine.
//
// # Safety
// As the head of this file says; `out` has `len` bytes that have values.
EdgeStatus edge_save(EdgeSession *session, uint8_t *out, size_t len);

// Takes a saved state over; another model's, or one that was changed, is refused.
//
// # Safety
// As the head of this file says; `saved` has `len` bytes.
EdgeStatus edge_restore(EdgeSession *session, const uint8_t *saved, size_t len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EDGE_MODEL_H */
