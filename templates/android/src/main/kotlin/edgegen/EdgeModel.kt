package edgegen

import java.nio.ByteBuffer
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * The model for apps: it runs on a thread of its own, and answers wait for those before them.
 * [weights] as in [Model].
 */
class EdgeModel(weights: ByteBuffer? = null) : AutoCloseable {
    private val thread = Executors.newSingleThreadExecutor { Thread(it, "edge-model") }
    private val dispatcher = thread.asCoroutineDispatcher()
    private val turn = Mutex()
    private val closed = AtomicBoolean()
    private val opened = lazy { Model(weights) }
    private val model by opened

    /** Text as it is generated. Cancelling the collector cancels the answer. */
    fun generate(prompt: String, options: Options = Options.DEFAULT): Flow<String> =
        answer { model.generate(prompt, options) }

    /** The same for a message, with the model's chat template. */
    fun chat(message: String, system: String? = null, options: Options = Options.DEFAULT): Flow<String> =
        answer { model.chat(system, message, options) }

    private fun answer(begin: () -> Model.Answer): Flow<String> {
        check(!closed.get()) { "the model is closed" }
        return flow {
            turn.withLock {
                val answer = begin()
                while (true) {
                    val piece = answer.step() ?: break
                    // A collector that is gone ends the answer here.
                    if (piece.isEmpty()) currentCoroutineContext().ensureActive() else emit(piece)
                }
            }
        }.flowOn(dispatcher)
    }

    /** Frees the memory, after the step that is under way; more than once does no harm. */
    override fun close() {
        if (closed.getAndSet(true)) return
        thread.execute { if (opened.isInitialized()) model.close() }
        thread.shutdown()
    }
}
