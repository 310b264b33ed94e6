package edgegen;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Uses the entry points of an app on this machine's JVM:
 * java edgegen.Check HASH PROMPT ANSWER [WEIGHTS]
 */
final class Check {
    /** Bytes that would show in the process, twice what the JVM may take for itself. */
    private static final long ENOUGH = 256_000_000;

    private Check() {}

    public static void main(String[] args) throws Exception {
        String prompt = args[1];
        String answer = args[2];
        ByteBuffer weights = args.length > 3 ? mapped(Path.of(args[3])) : null;
        try (Model model = new Model(weights)) {
            equal(model.selfTest(), args[0]);

            List<String> pieces = new ArrayList<>();
            Model.Answer streamed = model.generate(prompt, Options.DEFAULT);
            streamed.forEachRemaining(pieces::add);
            equal(String.join("", pieces), answer);
            equal(pieces.size() > 3, true);
            equal(streamed.finish(), Model.Finish.STOP);
            equal(streamed.hasNext(), false);
            equal(streamed.step() == null, true);

            // An answer is cancelled by asking for no more of it; another thread may begin the next.
            Model.Answer cancelled = model.generate(prompt, Options.DEFAULT);
            cancelled.next();
            String[] again = new String[1];
            Thread thread = new Thread(() -> again[0] = text(model.generate(prompt, Options.DEFAULT)));
            thread.start();
            thread.join();
            equal(again[0], answer);
            thrown(IllegalStateException.class, "another answer has begun", cancelled::step);
            // What has ended stays as it ended.
            equal(streamed.finish(), Model.Finish.STOP);
            equal(cancelled.finish(), Model.Finish.RUNNING);

            Options seeded = new Options(64, 0.9f, 0, 1, 7);
            equal(text(model.generate(prompt, seeded)), text(model.generate(prompt, seeded)));

            byte[] saved = model.save();
            try (Model other = new Model(weights)) {
                Model.Answer before = other.generate(prompt, Options.DEFAULT);
                other.restore(saved);
                thrown(IllegalStateException.class, "another answer has begun", before::step);
                equal(Arrays.equals(other.save(), saved), true);
                String wrong = "not a saved state of this model: ";
                refused(wrong, () -> other.restore(Arrays.copyOf(saved, saved.length - 1)));
                refused(wrong, () -> other.restore(Arrays.copyOf(saved, saved.length + 1)));
                refused(wrong, () -> other.restore(new byte[0]));
                saved[saved.length / 2] ^= 1;
                refused(wrong, () -> other.restore(saved));
            }

            refused("the prompt does not fit the context of " + Model.context() + " tokens",
                    () -> model.generate("word ".repeat(10_000), Options.DEFAULT));
            refused("the shortest answer has ", () -> model.generate(prompt, new Options(1, 0, 0, 1, 0)));
            refused("temperature must be a number from 0 on",
                    () -> model.generate(prompt, new Options(0, Float.NaN, 0, 1, 0)));
            refused("top_p must be above 0 and at most 1",
                    () -> model.generate(prompt, new Options(0, 0, 0, 0, 0)));
            refused("the model has no chat template", () -> model.chat(null, prompt, Options.DEFAULT));
            thrown(NullPointerException.class, "", () -> model.generate(null, Options.DEFAULT));
            thrown(NullPointerException.class, "", () -> model.generate(prompt, null));
            thrown(NullPointerException.class, "", () -> model.restore(null));
            thrown(IllegalArgumentException.class, "", () -> new Options(-1, 0, 0, 1, 0));
            thrown(IllegalArgumentException.class, "", () -> new Options(0, 0, -1, 1, 0));
            equal(text(model.generate(prompt, Options.DEFAULT)), answer);
        }
        String wrong = "not this model's file of weights, or it was cut off or changed";
        refused(wrong, () -> new Model(ByteBuffer.allocateDirect(1000)));
        refused(wrong, () -> new Model(ByteBuffer.allocateDirect(0)));
        refused(wrong, () -> new Model(ByteBuffer.allocate(1000)));
        if (weights != null) {
            refused("the model needs its file of weights", () -> new Model());
            refused(wrong, () -> new Model(weights.slice(0, weights.capacity() - 1)));
        }
        Model closed = new Model(weights);
        Model.Answer open = closed.generate(prompt, Options.DEFAULT);
        closed.close();
        closed.close();
        String message = "the model is closed";
        thrown(IllegalStateException.class, message, () -> closed.generate(prompt, Options.DEFAULT));
        thrown(IllegalStateException.class, message, () -> closed.chat(null, prompt, Options.DEFAULT));
        thrown(IllegalStateException.class, message, () -> closed.restore(new byte[1]));
        thrown(IllegalStateException.class, message, closed::save);
        thrown(IllegalStateException.class, message, closed::selfTest);
        thrown(IllegalStateException.class, message, open::step);
        equal(open.finish(), Model.Finish.RUNNING);
        memoryIsFreed(weights);
        if (weights != null) {
            weightsAreHeld(weights, args[0]);
        }
        System.out.println("ok: " + Model.name() + ", context of " + Model.context() + " tokens");
    }

    /** Neither sessions that are closed nor calls of one leave anything behind. */
    private static void memoryIsFreed(ByteBuffer weights) throws IOException {
        long before = resident();
        for (int i = 0; i < 200; i++) {
            new Model(weights).close();
        }
        try (Model model = new Model(weights)) {
            text(model.generate("on", Options.DEFAULT));
            int saved = model.save().length;
            for (long bytes = 0; bytes < ENOUGH; bytes += saved) {
                model.restore(model.save());
            }
            String tooLong = "word ".repeat(100_000);
            for (long bytes = 0; bytes < ENOUGH; bytes += tooLong.length()) {
                thrown(ModelException.class, "", () -> model.generate(tooLong, Options.DEFAULT));
                thrown(ModelException.class, "", () -> model.chat(tooLong, tooLong, Options.DEFAULT));
            }
        }
        long grown = resident() - before;
        equal(grown < ENOUGH / 2 ? 0L : grown, 0L);
    }

    /** A model holds its weights, also where nobody else does. */
    private static void weightsAreHeld(ByteBuffer weights, String hash) throws InterruptedException {
        try (Model model = new Model(ByteBuffer.allocateDirect(weights.capacity()).put(0, weights, 0, weights.capacity()))) {
            List<ByteBuffer> others = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                System.gc();
                Thread.sleep(20);
                ByteBuffer other = ByteBuffer.allocateDirect(weights.capacity());
                for (int at = 0; at < other.capacity(); at++) {
                    other.put(at, (byte) -1);
                }
                others.add(other);
            }
            equal(model.selfTest(), hash);
            equal(others.size(), 8);
        }
    }

    private static long resident() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("no VmRSS");
    }

    private static ByteBuffer mapped(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        }
    }

    private static String text(Model.Answer answer) {
        StringBuilder text = new StringBuilder();
        answer.forEachRemaining(text::append);
        return text.toString();
    }

    private static void equal(Object found, Object expected) {
        if (!found.equals(expected)) {
            throw new AssertionError(found + ", not " + expected);
        }
    }

    private static void refused(String message, Runnable act) {
        thrown(ModelException.class, message, act);
    }

    private static void thrown(Class<? extends Exception> expected, String message, Runnable act) {
        try {
            act.run();
        } catch (Exception error) {
            equal(error.getClass(), expected);
            equal(message.isEmpty() || error.getMessage().contains(message) ? "" : error.getMessage(), "");
            return;
        }
        throw new AssertionError("no " + expected.getSimpleName() + ": " + message);
    }
}
