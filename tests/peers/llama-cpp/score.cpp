// `llama-score MODEL TEXT WINDOW THREADS`: how well llama.cpp predicts a text, as `score` of an
// emitted crate measures it. The text's tokens in consecutive windows, each with an empty KV cache
// (llama.cpp's default, f16) and with BOS at its start where the model uses that; every token
// counts that has one before it in its window. (llama.cpp's `perplexity` counts the second halves
// of windows.) Prints a JSON object: the ids of the text, and the mean in nats a token.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "llama.h"

namespace {

[[noreturn]] void fail(const std::string &what) {
    std::fprintf(stderr, "llama-score: %s\n", what.c_str());
    std::exit(1);
}

std::string read(const char *path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail(std::string("cannot read ") + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<llama_token> tokenize(const llama_vocab *vocab, const std::string &text) {
    std::vector<llama_token> tokens(text.size() + 1);
    const int count = llama_tokenize(vocab, text.data(), static_cast<int32_t>(text.size()),
                                     tokens.data(), static_cast<int32_t>(tokens.size()), false, false);
    if (count < 0) fail("the text has no tokens");
    tokens.resize(static_cast<size_t>(count));
    return tokens;
}

// Nats of a token, by the logits of all.
double nats(const float *logits, int count, llama_token token) {
    const double most = *std::max_element(logits, logits + count);
    double sum = 0;
    for (int id = 0; id < count; ++id) sum += std::exp(logits[id] - most);
    return most + std::log(sum) - logits[token];
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 5) fail("give MODEL TEXT WINDOW THREADS");
    const int window = std::atoi(argv[3]), threads = std::atoi(argv[4]);
    if (window < 2 || threads < 1) fail("a window has two tokens or more, and a thread runs it");
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);

    llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (!model) fail(std::string("cannot load ") + argv[1]);
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = static_cast<uint32_t>(window);
    params.n_threads = params.n_threads_batch = threads;
    llama_context *context = llama_init_from_model(model, params);
    if (!context) fail("no context");

    const llama_vocab *vocab = llama_model_get_vocab(model);
    const int vocab_size = llama_vocab_n_tokens(vocab);
    const std::vector<llama_token> text = tokenize(vocab, read(argv[2]));
    const std::vector<llama_token> start(llama_vocab_get_add_bos(vocab) ? 1 : 0, llama_vocab_bos(vocab));
    const size_t step = static_cast<size_t>(window) - start.size();

    double sum = 0;
    size_t predicted = 0;
    llama_batch batch = llama_batch_init(window, 0, 1);
    for (size_t from = 0; from < text.size(); from += step) {
        std::vector<llama_token> tokens = start;
        tokens.insert(tokens.end(), text.begin() + static_cast<std::ptrdiff_t>(from),
                      text.begin() + static_cast<std::ptrdiff_t>(std::min(from + step, text.size())));
        batch.n_tokens = static_cast<int32_t>(tokens.size());
        for (size_t i = 0; i < tokens.size(); ++i) {
            batch.token[i] = tokens[i];
            batch.pos[i] = static_cast<llama_pos>(i);
            batch.n_seq_id[i] = 1;
            batch.seq_id[i][0] = 0;
            batch.logits[i] = true;
        }
        llama_memory_clear(llama_get_memory(context), true);
        if (llama_decode(context, batch) != 0) fail("a window cannot be computed");
        for (size_t i = 0; i + 1 < tokens.size(); ++i) {
            const float *logits = llama_get_logits_ith(context, static_cast<int32_t>(i));
            sum += nats(logits, vocab_size, tokens[i + 1]);
            ++predicted;
        }
    }
    if (predicted == 0) fail("there is nothing to predict");

    std::printf("{\"tokens\":[");
    for (size_t i = 0; i < text.size(); ++i) std::printf(i ? ",%d" : "%d", text[i]);
    const double mean = sum / static_cast<double>(predicted);
    std::printf("],\"nll\":%.9f,\"perplexity\":%.9f}\n", mean, std::exp(mean));
    llama_batch_free(batch);
    llama_free(context);
    llama_model_free(model);
    llama_backend_free();
}
