// How long does Meta's PDQ take for one hash, in processor time of one thread?
//
// Built by known.py against a checkout that $THREATEXCHANGE names: -O3, its own sources, nothing changed.
// usage: known_meta WIDTH HEIGHT PIXELS.rgb
// Prints one JSON object: the least of several rounds of luma from RGB and hash, the hash, the quality.
#include <pdq/cpp/common/pdqhashtypes.h>
#include <pdq/cpp/hashing/pdqhashing.h>

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace facebook::pdq::hashing;

static double processor_ms() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  const int width = atoi(argv[1]), height = atoi(argv[2]);
  std::vector<unsigned char> rgb(size_t(width) * height * 3);
  FILE* file = fopen(argv[3], "rb");
  if (file == nullptr || fread(rgb.data(), 1, rgb.size(), file) != rgb.size()) {
    return 2;
  }
  std::vector<float> luma(size_t(width) * height), scratch(luma.size());
  float buffer64x64[64][64], buffer16x64[16][64], buffer16x16[16][16];
  Hash256 hash;
  int quality = 0;
  const auto once = [&] {
    fillFloatLumaFromRGB(&rgb[0], &rgb[1], &rgb[2], height, width, width * 3, 3, luma.data());
    pdqHash256FromFloatLuma(luma.data(), scratch.data(), height, width, buffer64x64, buffer16x64, buffer16x16, hash, quality);
  };
  once();
  const double began = processor_ms();
  once();
  const int n = std::max(1, int(100 / std::max(processor_ms() - began, 0.01)));
  double best = 1e300;
  for (int round = 0; round < 9; round++) {
    const double start = processor_ms();
    for (int i = 0; i < n; i++) {
      once();
    }
    best = std::min(best, (processor_ms() - start) / n);
  }
  printf("{\"ms\":%.4f,\"hash\":\"%s\",\"quality\":%d}\n", best, hash.format().c_str(), quality);
}
