package edgegen;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;

/**
 * A conversation with the model. One thread at a time may use it; a new answer ends the one
 * before. Close it to free its memory.
 */
public final class Model implements AutoCloseable {
    /** Why an answer ended. */
    public enum Finish {
        /** It has not. */
        RUNNING,
        /** The model ended it, or the schema says that it is whole. */
        STOP,
        /** The greatest number of tokens is reached. */
        MAX_TOKENS,
        /** The context is full. */
        CONTEXT_FULL
    }

    private long handle;
    /** The session reads it. */
    private ByteBuffer weights;
    private Answer current;

    /** A session with the model of this library. */
    public Model() {
        this(null);
    }

    /**
     * A session with the model of this library and its file of weights, mapped with
     * {@code FileChannel.map}; null if the weights are in the library. Nobody may change the file
     * until the session is closed.
     */
    public Model(ByteBuffer weights) {
        handle = Native.open(weights);
        this.weights = weights;
    }

    /** The model's name. */
    public static String name() {
        return new String(Native.name(), StandardCharsets.UTF_8);
    }

    /** Tokens that a session holds. */
    public static int context() {
        return Native.context();
    }

    /** The hash of the logits of fixed tokens; throws if this machine computes other bits. */
    public synchronized String selfTest() {
        forget();
        return String.format("%016x", Native.selfTest(open()));
    }

    /** Continues a prompt. */
    public synchronized Answer generate(String prompt, Options options) {
        return begin(false, null, prompt, options);
    }

    /** Answers a message with the model's chat template; {@code system} may be null. */
    public synchronized Answer chat(String system, String message, Options options) {
        return begin(true, system, message, options);
    }

    /** What the session has read and written, to go on from on any machine. */
    public synchronized byte[] save() {
        return Native.save(open());
    }

    /** Takes a saved state over; another model's is refused. */
    public synchronized void restore(byte[] saved) {
        Objects.requireNonNull(saved);
        forget();
        Native.restore(open(), saved);
    }

    /** Frees the memory; more than once does no harm. */
    @Override
    public synchronized void close() {
        forget();
        if (handle != 0) {
            Native.close(handle);
            handle = 0;
            weights = null;
        }
    }

    private Answer begin(boolean chat, String system, String prompt, Options options) {
        Objects.requireNonNull(prompt);
        Objects.requireNonNull(options);
        forget();
        Native.begin(open(), chat, utf8(system), utf8(prompt), options.maxTokens,
                options.temperature, options.topK, options.topP, options.seed);
        current = new Answer();
        return current;
    }

    private static byte[] utf8(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    private long open() {
        if (handle == 0) {
            throw new IllegalStateException("the model is closed");
        }
        return handle;
    }

    private void forget() {
        current = null;
    }

    /** Text as it is generated. Not asking for more cancels the rest. */
    public final class Answer implements Iterator<String> {
        private String ready;
        private Finish finish = Finish.RUNNING;

        private Answer() {}

        /** One step: text, an empty string while the prompt is read, or null at the end. */
        public String step() {
            synchronized (Model.this) {
                if (finish != Finish.RUNNING) {
                    return null;
                }
                if (current != this) {
                    throw new IllegalStateException("another answer has begun, or the model is closed");
                }
                byte[] piece = Native.next(open());
                if (piece != null) {
                    return new String(piece, StandardCharsets.UTF_8);
                }
                finish = Finish.values()[Native.finish(open())];
                return null;
            }
        }

        @Override
        public boolean hasNext() {
            while (ready == null) {
                String piece = step();
                if (piece == null) {
                    return false;
                }
                ready = piece.isEmpty() ? null : piece;
            }
            return true;
        }

        @Override
        public String next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            String piece = ready;
            ready = null;
            return piece;
        }

        /** Why it ended. */
        public Finish finish() {
            synchronized (Model.this) {
                return finish;
            }
        }
    }
}
