import java.util.Map;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;

/** The model that both processors share: the one that serves, and the one that takes its place with the next record. */
final class ModelStore implements StateStore {
    static final String NAME = "models";
    Forest serving;
    Forest next;
    private boolean open;

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        context.register(root, (key, value) -> { });
        open = true;
    }

    @Override
    public void flush() { }

    @Override
    public void close() {
        open = false;
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    static final class Builder implements StoreBuilder<ModelStore> {
        @Override
        public StoreBuilder<ModelStore> withCachingEnabled() {
            return this;
        }

        @Override
        public StoreBuilder<ModelStore> withCachingDisabled() {
            return this;
        }

        @Override
        public StoreBuilder<ModelStore> withLoggingEnabled(Map<String, String> settings) {
            return this;
        }

        @Override
        public StoreBuilder<ModelStore> withLoggingDisabled() {
            return this;
        }

        @Override
        public ModelStore build() {
            return new ModelStore();
        }

        @Override
        public Map<String, String> logConfig() {
            return Map.of();
        }

        @Override
        public boolean loggingEnabled() {
            return false;
        }

        @Override
        public String name() {
            return NAME;
        }
    }
}
