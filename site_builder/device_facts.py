"""What "Will it run here?" tells of a browser: the facts that matter to a model. Their words are in texts/."""

# What web/src/site/will_it_run.ts finds out, and what the words are called: fact_NAME and means_NAME.
FACTS = {
    "webgpu": "webgpu",
    "adapter": "adapter",
    "shader-f16": "f16",
    "subgroups": "subgroups",
    "maxStorageBufferBindingSize": "binding",
    "maxBufferSize": "buffer",
    "maxComputeInvocationsPerWorkgroup": "threads",
    "maxComputeWorkgroupStorageSize": "workgroup",
    "memory": "memory",
    "room": "room",
    "isolated": "isolated",
}
