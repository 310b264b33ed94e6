/* The methods of edgegen.Native, over the model's C interface. Text is UTF-8 in byte arrays, since
   JNI's own strings are not UTF-8. A handle is the address of a session's memory. */

#include <jni.h>
#include <stdlib.h>

#include "edge_model.h"

typedef struct {
    EdgeSession *session;
    uint8_t memory[];
} Handle;

static EdgeSession *session_of(jlong handle) {
    return ((Handle *)(intptr_t)handle)->session;
}

static void throw(JNIEnv *env, const char *name, const char *message) {
    jclass class = (*env)->FindClass(env, name);
    if (class) {
        (*env)->ThrowNew(env, class, message);
    }
}

/* Throws the session's message; its text is ASCII. */
static void refuse(JNIEnv *env, const EdgeSession *session) {
    EdgeText text = edge_message(session);
    char message[256];
    size_t len = text.len < sizeof message - 1 ? text.len : sizeof message - 1;
    for (size_t i = 0; i < len; i++) {
        message[i] = text.data[i] < 0x80 ? (char)text.data[i] : '?';
    }
    message[len] = 0;
    throw(env, "edgegen/ModelException", message);
}

static jbyteArray array_of(JNIEnv *env, const uint8_t *data, size_t len) {
    if (len > INT32_MAX) {
        throw(env, "java/lang/OutOfMemoryError", "more bytes than an array holds");
        return NULL;
    }
    jbyteArray array = (*env)->NewByteArray(env, (jsize)len);
    if (array) {
        (*env)->SetByteArrayRegion(env, array, 0, (jsize)len, (const jbyte *)data);
    }
    return array;
}

/* The weights are a direct buffer, which the caller keeps, or null. */
JNIEXPORT jlong JNICALL Java_edgegen_Native_open(JNIEnv *env, jclass class, jobject weights) {
    (void)class;
    if (edge_version() != EDGE_VERSION) {
        throw(env, "edgegen/ModelException", "the library and its JNI methods are of different versions");
        return 0;
    }
    size_t len = edge_session_bytes();
    Handle *handle = malloc(sizeof *handle + len);
    if (!handle) {
        throw(env, "java/lang/OutOfMemoryError", "no memory for a session");
        return 0;
    }
    EdgeStatus status = EDGE_STATUS_WEIGHTS;
    if (!weights) {
        status = edge_open(handle->memory, len, &handle->session);
    } else {
        const uint8_t *bytes = (*env)->GetDirectBufferAddress(env, weights);
        jlong weights_len = (*env)->GetDirectBufferCapacity(env, weights);
        if (bytes && weights_len > 0) {
            status = edge_open_with_weights(handle->memory, len, bytes, (size_t)weights_len, &handle->session);
        }
    }
    if (status != EDGE_STATUS_OK) {
        free(handle);
        throw(env, "edgegen/ModelException",
            status == EDGE_STATUS_CPU ? "this CPU lacks an instruction set that the model needs"
            : status == EDGE_STATUS_WEIGHTS && !weights ? "the model needs its file of weights"
            : status == EDGE_STATUS_WEIGHTS ? "not this model's file of weights, or it was cut off or changed"
            : "no session");
        return 0;
    }
    return (jlong)(intptr_t)handle;
}

JNIEXPORT void JNICALL Java_edgegen_Native_close(JNIEnv *env, jclass class, jlong handle) {
    (void)env;
    (void)class;
    edge_close(session_of(handle));
    free((void *)(intptr_t)handle);
}

JNIEXPORT jbyteArray JNICALL Java_edgegen_Native_name(JNIEnv *env, jclass class) {
    (void)class;
    EdgeText name = edge_model_name();
    return array_of(env, name.data, name.len);
}

JNIEXPORT jint JNICALL Java_edgegen_Native_context(JNIEnv *env, jclass class) {
    (void)env;
    (void)class;
    return (jint)edge_context();
}

JNIEXPORT jlong JNICALL Java_edgegen_Native_selfTest(JNIEnv *env, jclass class, jlong handle) {
    (void)class;
    uint64_t hash = 0;
    if (edge_self_test(session_of(handle), &hash) != EDGE_STATUS_OK) {
        refuse(env, session_of(handle));
    }
    return (jlong)hash;
}

JNIEXPORT void JNICALL Java_edgegen_Native_begin(JNIEnv *env, jclass class, jlong handle, jboolean chat,
        jbyteArray system, jbyteArray prompt, jint max_tokens, jfloat temperature, jint top_k, jfloat top_p, jlong seed) {
    (void)class;
    EdgeOptions options = {
        .max_tokens = (uint32_t)max_tokens,
        .temperature = temperature,
        .top_k = (uint32_t)top_k,
        .top_p = top_p,
        .seed = (uint64_t)seed,
    };
    EdgeSession *session = session_of(handle);
    jsize len = (*env)->GetArrayLength(env, prompt);
    jsize system_len = system ? (*env)->GetArrayLength(env, system) : 0;
    jbyte *bytes = (*env)->GetByteArrayElements(env, prompt, NULL);
    jbyte *system_bytes = bytes && system ? (*env)->GetByteArrayElements(env, system, NULL) : NULL;
    if (bytes && (system_bytes || !system)) {
        const uint8_t *text = (const uint8_t *)bytes;
        EdgeStatus status = chat
            ? edge_chat(session, (const uint8_t *)system_bytes, (size_t)system_len, text, (size_t)len, &options)
            : edge_generate(session, text, (size_t)len, &options);
        if (status != EDGE_STATUS_OK) {
            refuse(env, session);
        }
    }
    /* Without these, an OutOfMemoryError is pending already. */
    if (bytes) {
        (*env)->ReleaseByteArrayElements(env, prompt, bytes, JNI_ABORT);
    }
    if (system_bytes) {
        (*env)->ReleaseByteArrayElements(env, system, system_bytes, JNI_ABORT);
    }
}

/* A piece, empty while the prompt is read, or null at the end. */
JNIEXPORT jbyteArray JNICALL Java_edgegen_Native_next(JNIEnv *env, jclass class, jlong handle) {
    (void)class;
    EdgePiece piece;
    EdgeStatus status = edge_next(session_of(handle), &piece);
    if (status == EDGE_STATUS_OK) {
        return array_of(env, piece.text.data, piece.text.len);
    }
    if (status != EDGE_STATUS_DONE) {
        refuse(env, session_of(handle));
    }
    return NULL;
}

JNIEXPORT jint JNICALL Java_edgegen_Native_finish(JNIEnv *env, jclass class, jlong handle) {
    (void)env;
    (void)class;
    return (jint)edge_finish(session_of(handle));
}

JNIEXPORT jbyteArray JNICALL Java_edgegen_Native_save(JNIEnv *env, jclass class, jlong handle) {
    (void)class;
    size_t len = edge_saved_bytes(session_of(handle));
    uint8_t *bytes = calloc(len, 1);
    if (!bytes) {
        throw(env, "java/lang/OutOfMemoryError", "no memory for the state");
        return NULL;
    }
    jbyteArray saved = NULL;
    if (edge_save(session_of(handle), bytes, len) == EDGE_STATUS_OK) {
        saved = array_of(env, bytes, len);
    } else {
        refuse(env, session_of(handle));
    }
    free(bytes);
    return saved;
}

JNIEXPORT void JNICALL Java_edgegen_Native_restore(JNIEnv *env, jclass class, jlong handle, jbyteArray saved) {
    (void)class;
    jsize len = (*env)->GetArrayLength(env, saved);
    jbyte *bytes = (*env)->GetByteArrayElements(env, saved, NULL);
    if (!bytes) {
        return;
    }
    if (edge_restore(session_of(handle), (const uint8_t *)bytes, (size_t)len) != EDGE_STATUS_OK) {
        refuse(env, session_of(handle));
    }
    (*env)->ReleaseByteArrayElements(env, saved, bytes, JNI_ABORT);
}
