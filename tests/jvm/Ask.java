package edgegen;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;

/** Asks the model through Java, which gives no tokens: java edgegen.Ask QUESTIONS; see tests/c/ask.c. */
final class Ask {
    private Ask() {}

    public static void main(String[] args) throws IOException {
        try (Model model = new Model()) {
            for (String line : Files.readAllLines(Path.of(args[0]))) {
                StringBuilder text = new StringBuilder();
                Model.Answer answer = answer(model, line.split("\t", -1));
                answer.forEachRemaining(text::append);
                byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
                String finish = answer.finish().name().toLowerCase(Locale.ROOT);
                System.out.println(HexFormat.of().formatHex(bytes) + "\t" + finish + "\t");
            }
        }
    }

    private static Model.Answer answer(Model model, String[] fields) {
        Options options = fields.length < 8 ? Options.DEFAULT
                : new Options(Integer.parseInt(fields[3]), Float.parseFloat(fields[4]),
                        Integer.parseInt(fields[5]), Float.parseFloat(fields[6]),
                        Long.parseUnsignedLong(fields[7]));
        return switch (fields[0]) {
            case "generate" -> model.generate(fields[2], options);
            case "chat" -> model.chat(null, fields[2], options);
            default -> model.chat(fields[1], fields[2], options);
        };
    }
}
