import Bookkeeping
import Modeling
import Testing

/// The string that sets torch's allocator up.
///
/// What is accepted and refused here, torch 2.15's own parser accepted and refused
/// (`torch._C._accelerator_setAllocatorSettings`).
@Suite struct `PYTORCH_CUDA_ALLOC_CONF` {
  @Test(arguments: [
    "", "expandable_segments:True", " expandable_segments : True ", "max_split_size_mb:20", "max_split_size_mb:128,",
    "garbage_collection_threshold:0.8", "roundup_power2_divisions:4",
    "roundup_power2_divisions:[256:1,512:2,1024:4,>:8]", "roundup_power2_divisions:[>:2]",
    "large_segment_size_mb:32", "large_segment_size_mb:19", "backend:native", "per_process_memory_fraction:0.5",
    "pinned_use_background_threads:True", "expandable_segments:True,max_split_size_mb:64",
    "release_lock_on_cudamalloc:True",
  ])
  func `is read as torch reads it`(text: String) throws {
    #expect(try AllocatorSettings(parsing: text).text == text)
  }

  @Test(arguments: [
    "expandable_segments:true", "expandable_segments:1", "max_split_size_mb:19", "max_split_size_mb:abc",
    "garbage_collection_threshold:1", "garbage_collection_threshold:0", "roundup_power2_divisions:3",
    "roundup_power2_divisions:0", "roundup_power2_divisions:[100:2]", "roundup_power2_divisions:[256:1,512:2",
    "large_segment_size_mb:10", "large_segment_size_mb:5", "foo:1", "backend:cudaMallocAsync",
    "expandable_segments=True", "expandable_segments", "per_process_memory_fraction:1.5",
    "expandable_segments:True max_split_size_mb:64", "expandable_segments:True,,",
    "large_segment_size_mb:64,max_split_size_mb:40",
  ])
  func `is refused where torch refuses it`(text: String) {
    #expect(throws: AllocatorSettingsError.self) { try AllocatorSettings(parsing: text) }
  }

  @Test func `says what is wrong and what would be right`() {
    #expect(throws: AllocatorSettingsError.badValue(key: "expandable_segments", value: "1", allowed: "True or False")) {
      try AllocatorSettings(parsing: "expandable_segments:1")
    }
    #expect(throws: AllocatorSettingsError.malformed(after: "expandable_segments", expected: "':'")) {
      try AllocatorSettings(parsing: "expandable_segments")
    }
  }

  @Test func `sets every option`() throws {
    let settings = try AllocatorSettings(
      parsing: "expandable_segments:True,max_split_size_mb:64,max_non_split_rounding_mb:48,large_segment_size_mb:32,"
        + "garbage_collection_threshold:0.6,per_process_memory_fraction:0.9")
    #expect(settings.usesExpandableSegments)
    #expect(settings.maximumSplit == 64 * .mebi)
    #expect(settings.maximumRounding == 48 * .mebi)
    #expect(settings.largeSegment == 32 * .mebi)
    #expect(settings.collectionThreshold == 0.6)
    #expect(settings.memoryFraction == 0.9)
  }

  /// As AllocatorConfigTest of torch (c10/test/core/AllocatorConfig_test.cpp) reads them back.
  @Test func `cuts every doubling into its own steps`() throws {
    let settings = try AllocatorSettings(
      parsing: "roundup_power2_divisions:[64:8,128:2,256:4,512:2,1024:4,>:1]")
    let mebi = 1 << 20
    let sizes = [32: 8, 64: 8, 128: 2, 256: 4, 512: 2, 1024: 4, 2048: 1, 8192: 1]
    for (size, divisions) in sizes { #expect(settings.divisions(for: size * mebi) == divisions, "\(size) MiB") }
  }

  @Test func `CUBLAS_WORKSPACE_CONFIG adds up its pairs`() throws {
    #expect(try RuntimeSettings.cublasWorkspace(parsing: ":4096:2:16:8") == Bytes(8_519_680))
    #expect(try RuntimeSettings.cublasWorkspace(parsing: ":4096:8") == 32 * .mebi)
    for text in ["", "4096:8", ":4096", ":a:b", ":4096:8:16"] {
      #expect(throws: RecipeError.self) { try RuntimeSettings.cublasWorkspace(parsing: text) }
    }
  }
}

@Suite struct `Lengths of samples` {
  @Test func `are read from lines and rules`() throws {
    let lines = try LengthDistribution(lines: "300\n\n 20 \n100\n")
    #expect(lines.source == .samples([20, 100, 300]))
    #expect((lines.shortest, lines.longest) == (20, 300))
    #expect(try LengthDistribution(rule: "uniform:200-2048")?.source == .uniform(200...2048))
    #expect(try LengthDistribution(rule: "lengths.txt") == nil)
  }

  @Test(arguments: ["uniform:", "uniform:5", "uniform:9-3", "uniform:0-7", "uniform:a-b", "uniform:1-2-3"])
  func `that cannot be are refused`(text: String) {
    #expect(throws: LengthError.self) { try LengthDistribution(rule: text) }
  }

  @Test func `point to the line that is wrong`() {
    #expect(throws: LengthError.badLine(number: 2, text: "x")) { try LengthDistribution(lines: "1\nx\n") }
    #expect(throws: LengthError.empty) { try LengthDistribution(lines: "\n") }
  }

  @Test func `are spread evenly over the distribution`() throws {
    let uniform = try LengthDistribution(uniform: 1...4)
    #expect([0, 0.3, 0.5, 0.99, 1].map(uniform.length) == [1, 2, 3, 4, 4])
    let samples = try LengthDistribution(samples: [7, 5, 5, 9])
    #expect([0, 0.4, 0.5, 1].map(samples.length) == [5, 5, 7, 9])
  }
}
