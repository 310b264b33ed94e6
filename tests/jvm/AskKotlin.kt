package edgegen

import java.io.File
import java.util.HexFormat
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking

/** Asks the model through Kotlin, which gives text alone: edgegen.AskKotlinKt QUESTIONS; see tests/c/ask.c. */
fun main(args: Array<String>) {
    EdgeModel().use { model ->
        for (line in File(args[0]).readLines()) {
            val pieces = runBlocking { answer(model, line.split("\t")).toList() }
            println(HexFormat.of().formatHex(pieces.joinToString("").toByteArray()) + "\t\t")
        }
    }
    val unused = EdgeModel()
    unused.close()
    unused.close()
    val refused = runCatching { unused.generate("Once") }.exceptionOrNull()
    check(refused is IllegalStateException && refused.message == "the model is closed") { "$refused" }
}

private fun answer(model: EdgeModel, fields: List<String>) = when (fields[0]) {
    "generate" -> model.generate(fields[2], options(fields))
    "chat" -> model.chat(fields[2], options = options(fields))
    else -> model.chat(fields[2], fields[1], options(fields))
}

private fun options(fields: List<String>) = when (fields.size) {
    8 -> Options(fields[3].toInt(), fields[4].toFloat(), fields[5].toInt(), fields[6].toFloat(), fields[7].toULong().toLong())
    else -> Options.DEFAULT
}
