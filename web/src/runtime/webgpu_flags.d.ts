// TypeScript 7's DOM library has WebGPU's types but not these namespaces of flags.
declare const GPUBufferUsage: {
  readonly MAP_READ: GPUBufferUsageFlags;
  readonly MAP_WRITE: GPUBufferUsageFlags;
  readonly COPY_SRC: GPUBufferUsageFlags;
  readonly COPY_DST: GPUBufferUsageFlags;
  readonly UNIFORM: GPUBufferUsageFlags;
  readonly QUERY_RESOLVE: GPUBufferUsageFlags;
  readonly STORAGE: GPUBufferUsageFlags;
};
declare const GPUMapMode: { readonly READ: GPUMapModeFlags; readonly WRITE: GPUMapModeFlags };
declare const GPUShaderStage: { readonly COMPUTE: GPUShaderStageFlags };
