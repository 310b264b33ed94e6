package edgegen;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Uses the entry points of an app on this machine's JVM:
 * java edgegen.Check HASH PROMPT ANSWER [WEIGHTS]
 */
final class Check {
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

            // An answer is cancelled by asking for no more of it; another thread may begin the next.
            Model.Answer cancelled = model.generate(prompt, Options.DEFAULT);
            cancelled.next();
            String[] again = new String[1];
            Thread thread = new Thread(() -> again[0] = text(model.generate(prompt, Options.DEFAULT)));
            thread.start();
            thread.join();
            equal(again[0], answer);
            thrown(IllegalStateException.class, cancelled::step);

            Options seeded = new Options(64, 0.9f, 0, 1, 7);
            equal(text(model.generate(prompt, seeded)), text(model.generate(prompt, seeded)));

            byte[] saved = model.save();
            try (Model other = new Model(weights)) {
                other.restore(saved);
                equal(java.util.Arrays.equals(other.save(), saved), true);
                saved[saved.length / 2] ^= 1;
                thrown(ModelException.class, () -> other.restore(saved));
            }

            thrown(ModelException.class, () -> model.generate("word ".repeat(10_000), Options.DEFAULT));
            thrown(ModelException.class, () -> model.generate(prompt, new Options(1, 0, 0, 1, 0)));
            thrown(ModelException.class, () -> model.generate(prompt, new Options(0, Float.NaN, 0, 1, 0)));
            thrown(ModelException.class, () -> model.chat(null, prompt, Options.DEFAULT));
            thrown(NullPointerException.class, () -> model.generate(null, Options.DEFAULT));
            equal(text(model.generate(prompt, Options.DEFAULT)), answer);
        }
        thrown(ModelException.class, () -> new Model(ByteBuffer.allocateDirect(1000)));
        thrown(ModelException.class, () -> new Model(ByteBuffer.allocate(1000)));
        if (weights != null) {
            thrown(ModelException.class, () -> new Model());
        }
        Model closed = new Model(weights);
        closed.close();
        closed.close();
        thrown(IllegalStateException.class, () -> closed.generate(prompt, Options.DEFAULT));
        System.out.println("ok: " + Model.name() + ", context of " + Model.context() + " tokens");
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

    private static void thrown(Class<? extends Exception> expected, Runnable act) {
        try {
            act.run();
        } catch (Exception error) {
            equal(error.getClass(), expected);
            equal(error.getMessage() == null && error instanceof ModelException, false);
            return;
        }
        throw new AssertionError("no " + expected.getSimpleName());
    }
}
