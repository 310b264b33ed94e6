package edgegen;

import java.nio.ByteBuffer;

/** The methods of the library, in {@code edge_jni.c}. */
final class Native {
    static {
        System.loadLibrary("edge_model");
    }

    private Native() {}

    static native long open(ByteBuffer weights);

    static native void close(long handle);

    static native byte[] name();

    static native int context();

    static native long selfTest(long handle);

    static native void begin(long handle, boolean chat, byte[] system, byte[] prompt, int maxTokens,
            float temperature, int topK, float topP, long seed);

    static native byte[] next(long handle);

    static native int finish(long handle);

    static native byte[] save(long handle);

    static native void restore(long handle, byte[] saved);
}
