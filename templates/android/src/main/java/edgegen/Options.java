package edgegen;

/** Settings of an answer. The default is greedy, to the end of the answer or of the context. */
public final class Options {
    final int maxTokens;
    final float temperature;
    final int topK;
    final float topP;
    final long seed;

    /** Greedy. */
    public static final Options DEFAULT = new Options(0, 0, 40, 0.95f, 0);

    /**
     * @param maxTokens tokens at most; 0 leaves it to the context
     * @param temperature 0 takes the most probable token; 1 leaves the probabilities as they are
     * @param topK only so many of the most probable tokens are sampled; 0 is all
     * @param topP only the most probable tokens that have this probability together; 1 is all
     * @param seed equal seeds give equal texts, on every machine
     */
    public Options(int maxTokens, float temperature, int topK, float topP, long seed) {
        if (maxTokens < 0 || topK < 0) {
            throw new IllegalArgumentException("maxTokens and topK must not be negative");
        }
        this.maxTokens = maxTokens;
        this.temperature = temperature;
        this.topK = topK;
        this.topP = topP;
        this.seed = seed;
    }
}
