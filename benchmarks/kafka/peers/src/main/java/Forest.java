import headrace.v1.Wine.WineRecord;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import com.google.protobuf.Descriptors.FieldDescriptor;
import org.jpmml.evaluator.Computable;
import org.jpmml.evaluator.Evaluator;
import org.jpmml.evaluator.FieldValue;
import org.jpmml.evaluator.InputField;
import org.jpmml.evaluator.LoadingModelEvaluatorBuilder;

/** One loaded PMML model that scores wines, every target and output field of it. */
final class Forest {
    private static final List<java.util.function.ToDoubleFunction<WineRecord>> GETTERS = List.of(
            WineRecord::getFixedAcidity, WineRecord::getVolatileAcidity, WineRecord::getCitricAcid,
            WineRecord::getResidualSugar, WineRecord::getChlorides, WineRecord::getFreeSulfurDioxide,
            WineRecord::getTotalSulfurDioxide, WineRecord::getDensity, WineRecord::getPH, WineRecord::getSulphates,
            WineRecord::getAlcohol);
    final int serial;
    private final Evaluator evaluator;
    private final List<InputField> inputs;
    private final List<java.util.function.ToDoubleFunction<WineRecord>> getters = new ArrayList<>();
    private final String target;
    private final Map<String, FieldValue> record = new LinkedHashMap<>();

    Forest(InputStream content, int serial) throws Exception {
        this.serial = serial;
        evaluator = new LoadingModelEvaluatorBuilder().setLocatable(false).load(content).build();
        evaluator.verify();
        inputs = evaluator.getInputFields();
        target = evaluator.getTargetFields().get(0).getName();
        for (InputField input : inputs) {
            FieldDescriptor field = WineRecord.getDescriptor().findFieldByName(input.getName());
            if (field == null) {
                throw new IllegalArgumentException("no field of the records is named " + input.getName());
            }
            getters.add(GETTERS.get(field.getIndex()));
        }
    }

    double score(WineRecord wine) {
        record.clear();
        for (int place = 0; place < inputs.size(); place++) {
            InputField input = inputs.get(place);
            record.put(input.getName(), input.prepare(getters.get(place).applyAsDouble(wine)));
        }
        Object quality = evaluator.evaluate(record).get(target);
        if (quality instanceof Computable computable) {
            quality = computable.getResult();
        }
        return quality instanceof Number number ? number.doubleValue() : Double.parseDouble(quality.toString());
    }
}
