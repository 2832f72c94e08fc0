import headrace.v1.Headrace.ModelDescriptor;
import headrace.v1.Wine.WineRecord;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Serves models to a topic of wines with Kafka Streams: two sources that share a store of models, each model loaded
 * where it arrives. A result is the serial number of its model (an int) and the quality (a double).
 *
 * Arguments: bootstrap, records' topic, models' topic, results' topic or "-", guarantee, number of records (0: until its
 * standard input ends). Prints "ready" once a model serves, and at the end the records a second over the second half.
 */
public final class ModelServer {
    private static long total;
    private static boolean forwards;
    private static final CountDownLatch DONE = new CountDownLatch(1);
    private static long seen;
    private static long unscored;
    private static long half;
    private static long end;

    private static final class Serve implements Processor<byte[], byte[], byte[], byte[]> {
        private ProcessorContext<byte[], byte[]> context;
        private ModelStore models;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
            models = given.getStateStore(ModelStore.NAME);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            WineRecord wine;
            try {
                wine = WineRecord.parseFrom(record.value());
            } catch (com.google.protobuf.InvalidProtocolBufferException error) {
                throw new IllegalStateException(error);
            }
            if (models.next != null) {
                models.serving = models.next;
                models.next = null;
            }
            if (models.serving == null) {
                unscored++;
            } else {
                double quality = models.serving.score(wine);
                if (forwards) {
                    byte[] value = ByteBuffer.allocate(12).putInt(models.serving.serial).putDouble(quality).array();
                    context.forward(record.withValue(value));
                }
            }
            seen++;
            if (seen == total / 2) {
                half = System.nanoTime();
            } else if (seen == total) {
                end = System.nanoTime();
                DONE.countDown();
            }
        }
    }

    private static final class Learn implements Processor<byte[], byte[], byte[], byte[]> {
        private ModelStore models;
        private int serial;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            models = given.getStateStore(ModelStore.NAME);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                ModelDescriptor descriptor = ModelDescriptor.parseFrom(record.value());
                models.next = new Forest(descriptor.getData().newInput(), serial++);
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
            System.out.println("ready");
        }
    }

    public static void main(String[] arguments) throws Exception {
        String results = arguments[3];
        forwards = !results.equals("-");
        total = Long.parseLong(arguments[5]);
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-" + UUID.randomUUID());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[4]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("peer").toString());
        if (total == 0) {
            // Its own default of 100 ms would be most of what a record waits; 5 ms is the engine's.
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        }
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        Topology topology = new Topology();
        ByteArrayDeserializer reads = new ByteArrayDeserializer();
        topology.addSource("wines", reads, reads, arguments[1]).addProcessor("serve", Serve::new, "wines");
        topology.addSource("publications", reads, reads, arguments[2]).addProcessor("learn", Learn::new, "publications");
        topology.addStateStore(new ModelStore.Builder(), "serve", "learn");
        if (forwards) {
            topology.addSink("results", results, new ByteArraySerializer(), new ByteArraySerializer(), "serve");
        }
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.setStateListener((state, before) -> {
            if (state == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        streams.start();
        if (total == 0) {
            while (System.in.read() >= 0) { }
        } else {
            DONE.await();
        }
        streams.close(java.time.Duration.ofSeconds(60));
        if (total > 0) {
            System.out.println("unscored " + unscored);
            System.out.println((total - total / 2) / ((end - half) / 1e9));
        }
    }
}
