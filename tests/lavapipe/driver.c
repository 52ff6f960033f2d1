/*
 * Mesa's lavapipe as a Vulkan driver that Dawn accepts, in Node and inside Chromium.
 *
 * Dawn insists on dynamic indexing into arrays of sampled and storage images. Mesa 22 has it not; compute kernels need it
 * not. This driver is lavapipe with these two features claimed, and taken out again when a device is created. Chromium
 * lets one software adapter through, SwiftShader, which it opens itself and knows by the numbers of its device; whoever
 * asks as Chromium does is given these numbers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VISIBLE __attribute__((visibility("default")))

typedef void (*Function)(void);
typedef Function (*GetProc)(void *instance, const char *name);
typedef uint32_t Features[55]; /* VkPhysicalDeviceFeatures: 55 booleans */

enum { SAMPLED_IMAGES = 34, STORAGE_IMAGES = 36 }; /* shader...ArrayDynamicIndexing, by position */
enum { FEATURES_2 = 1000059000 };                  /* VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 */
enum { GOOGLE = 0x1ae0, SWIFTSHADER = 0xc0de };    /* vendor and device */

struct Chained { int32_t type; void *next; };
struct Features2 { int32_t type; void *next; Features features; };
struct Properties { uint32_t api, driver, vendor, device; }; /* VkPhysicalDeviceProperties, its beginning */
struct Properties2 { int32_t type; void *next; struct Properties properties; };
struct DeviceInfo { /* VkDeviceCreateInfo */
  int32_t type; void *next; uint32_t flags, queues; const void *queue_infos; uint32_t layers; const void *layer_names;
  uint32_t extensions; const void *extension_names; uint32_t *features;
};

static GetProc lavapipe;
static void (*get_features)(void *, uint32_t *);
static void (*get_features_2)(void *, struct Features2 *);
static void (*get_properties)(void *, struct Properties *);
static void (*get_properties_2)(void *, struct Properties2 *);
static int32_t (*create_device)(void *, const struct DeviceInfo *, const void *, void **);

static void *library(void) {
  static void *loaded;
  const char *path = getenv("LAVAPIPE_LIBRARY");
  if (!loaded) loaded = dlopen(path ? path : "libvulkan_lvp.so", RTLD_NOW | RTLD_LOCAL);
  return loaded;
}

static void claim(uint32_t *features) { features[SAMPLED_IMAGES] = features[STORAGE_IMAGES] = 1; }
static void disclaim(uint32_t *features) { features[SAMPLED_IMAGES] = features[STORAGE_IMAGES] = 0; }

static void features(void *device, uint32_t *out) {
  get_features(device, out);
  claim(out);
}

static void features_2(void *device, struct Features2 *out) {
  get_features_2(device, out);
  claim(out->features);
}

static void properties(void *device, struct Properties *out) {
  get_properties(device, out);
  out->vendor = GOOGLE, out->device = SWIFTSHADER;
}

static void properties_2(void *device, struct Properties2 *out) {
  get_properties_2(device, out);
  out->properties.vendor = GOOGLE, out->properties.device = SWIFTSHADER;
}

static int32_t device(void *physical, const struct DeviceInfo *info, const void *allocator, void **out) {
  if (info->features) disclaim(info->features);
  for (struct Chained *link = info->next; link; link = link->next)
    if (link->type == FEATURES_2) disclaim(((struct Features2 *)link)->features);
  return create_device(physical, info, allocator, out);
}

VISIBLE Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  if (!lavapipe && library()) lavapipe = (GetProc)dlsym(library(), "vk_icdGetInstanceProcAddr");
  Function found = lavapipe ? lavapipe(instance, name) : NULL;
  if (!found) return NULL;
  if (!strcmp(name, "vkGetPhysicalDeviceFeatures")) {
    get_features = (void (*)(void *, uint32_t *))found;
    return (Function)features;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceFeatures2") || !strcmp(name, "vkGetPhysicalDeviceFeatures2KHR")) {
    get_features_2 = (void (*)(void *, struct Features2 *))found;
    return (Function)features_2;
  }
  if (!strcmp(name, "vkCreateDevice")) {
    create_device = (int32_t (*)(void *, const struct DeviceInfo *, const void *, void **))found;
    return (Function)device;
  }
  return found;
}

VISIBLE int32_t vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  int32_t (*negotiate)(uint32_t *) =
      library() ? (int32_t (*)(uint32_t *))dlsym(library(), "vk_icdNegotiateLoaderICDInterfaceVersion") : NULL;
  /* Up to version 4 the loader asks for physical device functions through the function above. */
  if (*version > 3) *version = 3;
  return negotiate ? negotiate(version) : -3;
}

/* How Chromium asks: by this name, with no loader between. */
VISIBLE Function vkGetInstanceProcAddr(void *instance, const char *name) {
  static uint32_t version;
  if (!version) {
    version = 3;
    vk_icdNegotiateLoaderICDInterfaceVersion(&version);
  }
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (Function)vkGetInstanceProcAddr;
  Function found = vk_icdGetInstanceProcAddr(instance, name);
  if (!found) return NULL;
  if (!strcmp(name, "vkGetPhysicalDeviceProperties")) {
    get_properties = (void (*)(void *, struct Properties *))found;
    return (Function)properties;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceProperties2") || !strcmp(name, "vkGetPhysicalDeviceProperties2KHR")) {
    get_properties_2 = (void (*)(void *, struct Properties2 *))found;
    return (Function)properties_2;
  }
  return found;
}
