import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jpmml.evaluator.Evaluator;
import org.jpmml.evaluator.FieldValue;
import org.jpmml.evaluator.InputField;
import org.jpmml.evaluator.LoadingModelEvaluatorBuilder;

/**
 * Loads a model and scores the rows of a table of numbers: for each line that says how many milliseconds first,
 * as many records as fit in; answers records and nanoseconds. Every target and output field is computed, record by record.
 */
public final class Scoring {
    public static void main(String[] arguments) throws Exception {
        long begin = System.nanoTime();
        Evaluator evaluator = new LoadingModelEvaluatorBuilder().setLocatable(false).load(new File(arguments[0])).build();
        evaluator.verify();
        System.out.println("loaded " + (System.nanoTime() - begin));
        List<double[]> rows = new ArrayList<>();
        List<String> lines = Files.readAllLines(Path.of(arguments[1]));
        List<String> names = List.of(lines.get(0).split(","));
        for (String line : lines.subList(1, lines.size())) {
            double[] row = new double[names.size()];
            String[] cells = line.split(",");
            for (int place = 0; place < row.length; place++) {
                row[place] = Double.parseDouble(cells[place]);
            }
            rows.add(row);
        }
        List<InputField> inputs = evaluator.getInputFields();
        int[] places = inputs.stream().mapToInt(field -> names.indexOf(field.getName())).toArray();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        long kept = 0;
        for (String command; (command = commands.readLine()) != null; ) {
            long limit = Long.parseLong(command.split(" ")[0]) * 1_000_000L;
            long start = System.nanoTime();
            long scored = 0;
            while (System.nanoTime() - start < limit) {
                double[] row = rows.get((int) (scored++ % rows.size()));
                Map<String, FieldValue> record = new LinkedHashMap<>();
                for (int place = 0; place < places.length; place++) {
                    InputField field = inputs.get(place);
                    record.put(field.getName(), field.prepare(row[places[place]]));
                }
                kept += evaluator.evaluate(record).size();
            }
            System.out.println(scored + " " + (System.nanoTime() - start));
        }
        System.err.println(kept);
    }
}
