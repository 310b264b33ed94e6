// The model for apps: answers as asynchronous sequences of text.

import CEdgeModel

/// Why the model refuses. The session is as it was before.
public struct EdgeError: Error, CustomStringConvertible {
    public let description: String
}

/// Settings of an answer. The default is greedy, to the end of the answer or of the context.
public struct EdgeSettings: Sendable {
    /// Tokens at most; 0 leaves it to the context.
    public var maxTokens: UInt32 = 0
    /// 0 takes the most probable token; 1 leaves the model's probabilities as they are.
    public var temperature: Float = 0
    /// Only so many of the most probable tokens are sampled; 0 is all.
    public var topK: UInt32 = 40
    /// Only the most probable tokens that have this probability together are sampled; 1 is all.
    public var topP: Float = 0.95
    /// Equal seeds give equal texts, on every machine.
    public var seed: UInt64 = 0

    public init() {}

    var options: EdgeOptions {
        EdgeOptions(max_tokens: maxTokens, temperature: temperature, top_k: topK, top_p: topP, seed: seed)
    }
}

/// A conversation with the model. Answers wait for those before them.
public actor EdgeModel {
    private let memory: UnsafeMutableRawPointer
    private let session: OpaquePointer
    private var last: Task<Void, Never>?

    /// A session with the model of this package.
    public init() throws {
        guard edge_version() == EDGE_VERSION else {
            throw EdgeError(description: "the library and its header are of different versions")
        }
        let size = edge_session_bytes()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        var session: OpaquePointer?
        let status = edge_open(memory.assumingMemoryBound(to: UInt8.self), size, &session)
        guard status == EDGE_STATUS_OK, let session else {
            memory.deallocate()
            throw EdgeError(description: "no session: status \(status.rawValue)")
        }
        self.memory = memory
        self.session = session
    }

    deinit {
        edge_close(session)
        memory.deallocate()
    }

    /// Continues a prompt. Ending the loop, or cancelling its task, cancels the answer.
    public nonisolated func generate(
        _ prompt: String, settings: EdgeSettings = EdgeSettings()
    ) -> AsyncThrowingStream<String, Error> {
        stream { model in try await model.begin(prompt, settings) }
    }

    /// Answers a message with the model's chat template.
    public nonisolated func chat(
        _ message: String, system: String? = nil, settings: EdgeSettings = EdgeSettings()
    ) -> AsyncThrowingStream<String, Error> {
        stream { model in try await model.beginChat(system, message, settings) }
    }

    /// The hash of the logits of fixed tokens; throws if this machine computes other bits.
    public func selfTest() throws -> UInt64 {
        var hash: UInt64 = 0
        try check(edge_self_test(session, &hash))
        return hash
    }

    private nonisolated func stream(
        _ begin: @escaping @Sendable (EdgeModel) async throws -> Void
    ) -> AsyncThrowingStream<String, Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                await self.queue {
                    do {
                        try Task.checkCancellation()
                        try await begin(self)
                        while let piece = try await self.next() {
                            try Task.checkCancellation()
                            if !piece.isEmpty { continuation.yield(piece) }
                        }
                        continuation.finish()
                    } catch {
                        continuation.finish(throwing: error)
                    }
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Runs after all that was queued before.
    private func queue(_ work: @escaping @Sendable () async -> Void) async {
        let before = last
        let task = Task {
            await before?.value
            await work()
        }
        last = task
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func begin(_ prompt: String, _ settings: EdgeSettings) throws {
        var options = settings.options
        let text = Array(prompt.utf8)
        try check(edge_generate(session, text, text.count, &options))
    }

    private func beginChat(_ system: String?, _ message: String, _ settings: EdgeSettings) throws {
        var options = settings.options
        let text = Array(message.utf8)
        guard let system else {
            try check(edge_chat(session, nil, 0, text, text.count, &options))
            return
        }
        let first = Array(system.utf8)
        try check(edge_chat(session, first, first.count, text, text.count, &options))
    }

    /// One step: text, an empty string while the prompt is read, or nil at the end.
    private func next() throws -> String? {
        var piece = EdgePiece()
        let status = edge_next(session, &piece)
        if status == EDGE_STATUS_DONE { return nil }
        try check(status)
        return String(decoding: UnsafeBufferPointer(start: piece.text.data, count: piece.text.len), as: UTF8.self)
    }

    private func check(_ status: EdgeStatus) throws {
        guard status != EDGE_STATUS_OK else { return }
        let text = edge_message(session)
        throw EdgeError(
            description: String(decoding: UnsafeBufferPointer(start: text.data, count: text.len), as: UTF8.self))
    }
}
