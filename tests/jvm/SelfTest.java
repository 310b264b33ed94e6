package edgegen;

/** Tells what a self-test finds: java edgegen.SelfTest */
final class SelfTest {
    private SelfTest() {}

    public static void main(String[] args) {
        try (Model model = new Model()) {
            System.out.println(model.selfTest());
        } catch (ModelException error) {
            System.out.println(error.getMessage());
        }
    }
}
