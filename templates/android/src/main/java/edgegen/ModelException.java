package edgegen;

/** Why the model refuses. The session is as it was before. */
public final class ModelException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ModelException(String message) {
        super(message);
    }
}
