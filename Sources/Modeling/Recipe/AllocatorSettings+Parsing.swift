import Bookkeeping

extension AllocatorSettings {
  /// Parses the value of `PYTORCH_CUDA_ALLOC_CONF` as torch does: `key:value,key:[value,value]`, spaces ignored.
  ///
  /// - Throws: ``AllocatorSettingsError`` for what torch refuses, and for what is not modeled.
  public init(parsing text: String) throws(AllocatorSettingsError) {
    self.init()
    self.text = text
    var tokens = Tokens(text)
    while let key = tokens.next() {
      try parse(key, &tokens)
      guard !tokens.isAtEnd else { break }
      try tokens.expect(",", after: key)
    }
    let least = (largeSegment.count >> 20)
    for (key, value) in [("max_split_size_mb", maximumSplit), ("max_non_split_rounding_mb", maximumRounding)] {
      guard let value, value < largeSegment else { continue }
      throw .badValue(key: key, value: "\(value.count >> 20)", allowed: "at least \(least)")
    }
  }

  /// Keys of torch's that decide nothing about memory on the device (pinned memory is the host's).
  private static let harmless = [
    "pinned_use_background_threads", "pinned_use_cuda_host_register", "pinned_num_register_threads",
    "pinned_reserve_segment_size_mb", "pinned_free_catch_all", "pinned_max_round_threshold_mb",
    "pinned_max_cached_size_mb", "release_lock_on_cudamalloc", "graph_capture_record_stream_reuse",
    "throw_on_cudamalloc_oom", "expandable_segments_reserve", "expandable_segments_reserve_by_class",
  ]
  private static let keys = [
    "expandable_segments", "max_split_size_mb", "max_non_split_rounding_mb", "roundup_power2_divisions",
    "garbage_collection_threshold", "large_segment_size_mb", "per_process_memory_fraction", "backend",
  ]

  private mutating func parse(_ key: String, _ tokens: inout Tokens) throws(AllocatorSettingsError) {
    guard AllocatorSettings.keys.contains(key) || AllocatorSettings.harmless.contains(key) else {
      throw .unknownKey(key, known: AllocatorSettings.keys)
    }
    try tokens.expect(":", after: key)
    if key == "roundup_power2_divisions" { return try parseDivisions(&tokens) }
    let value = try tokens.value(of: key)
    switch key {
    case "expandable_segments":
      guard ["True", "False"].contains(value) else {
        throw .badValue(key: key, value: value, allowed: "True or False")
      }
      usesExpandableSegments = value == "True"
    case "max_split_size_mb": maximumSplit = try mebibytes(value, of: key)
    case "max_non_split_rounding_mb": maximumRounding = try mebibytes(value, of: key)
    case "large_segment_size_mb":
      largeSegment = try mebibytes(value, of: key)
      // Requests up to 10 MiB are packed into such segments (`kMinLargeAlloc`).
      guard largeSegment > 10 * .mebi else { throw .badValue(key: key, value: value, allowed: "more than 10") }
    case "garbage_collection_threshold":
      guard let share = Double(value), share > 0, share < 1 else {
        throw .badValue(key: key, value: value, allowed: "more than 0 and less than 1")
      }
      collectionThreshold = share
    case "per_process_memory_fraction":
      guard let share = Double(value), (0...1).contains(share) else {
        throw .badValue(key: key, value: value, allowed: "between 0 and 1")
      }
      memoryFraction = share
    case "backend":
      guard value == "native" else { throw .notModeled(key: key, value: value) }
    default: break
    }
  }

  /// A size of so many MiB, as large as a device can be.
  private func mebibytes(_ value: String, of key: String) throws(AllocatorSettingsError) -> Bytes {
    guard let count = Int(value), count > 0 else {
      throw .badValue(key: key, value: value, allowed: "a whole number of MiB")
    }
    return Bytes(min(count, 1 << 30) << 20)
  }

  /// `4`, or `[256:1,512:2,>:8]`: so many divisions up to and above bounds in MiB
  /// (`AcceleratorAllocatorConfig::parseRoundUpPower2Divisions`).
  private mutating func parseDivisions(_ tokens: inout Tokens) throws(AllocatorSettingsError) {
    let key = "roundup_power2_divisions"
    let first = try tokens.value(of: key)
    guard first == "[" else {
      let count = try powerOfTwo(first, orZero: false)
      divisions = Array(repeating: count, count: AllocatorSettings.doublings)
      return
    }
    var isFirst = true
    var last = 0
    while true {
      let bound = try tokens.value(of: key)
      if bound == "]" { return }
      try tokens.expect(":", after: bound)
      let count = try powerOfTwo(try tokens.value(of: key), orZero: true)
      if bound == ">" {
        for index in divisions.indices where index > last { divisions[index] = count }
      } else {
        let power = try powerOfTwo(bound, orZero: false).trailingZeroBitCount
        let index = min(power, divisions.count - 1)
        if isFirst { for lower in 0..<index { divisions[lower] = count } }
        isFirst = false
        divisions[index] = count
        last = index
      }
      if tokens.peek != "]" { try tokens.expect(",", after: "\(bound):\(count)") }
    }
  }

  private func powerOfTwo(_ value: String, orZero: Bool) throws(AllocatorSettingsError) -> Int {
    guard let count = Int(value), count >= 0, count > 0 || orZero, count & (count - 1) == 0 else {
      throw .badValue(
        key: "roundup_power2_divisions", value: value, allowed: orZero ? "0 or a power of two" : "a power of two")
    }
    return count
  }

  /// Keys, values and the signs between them, without spaces.
  private struct Tokens {
    private let list: [String]
    private var place = 0

    init(_ text: String) {
      var list: [String] = []
      var word = ""
      for character in text where !character.isWhitespace {
        guard ",:[]".contains(character) else {
          word.append(character)
          continue
        }
        if !word.isEmpty { list.append(word) }
        word = ""
        list.append(String(character))
      }
      self.list = word.isEmpty ? list : list + [word]
    }

    var isAtEnd: Bool { place >= list.count }
    var peek: String? { isAtEnd ? nil : list[place] }

    mutating func next() -> String? {
      guard let token = peek else { return nil }
      place += 1
      return token
    }

    mutating func expect(_ sign: String, after: String) throws(AllocatorSettingsError) {
      guard next() == sign else { throw .malformed(after: after, expected: "'\(sign)'") }
    }

    mutating func value(of key: String) throws(AllocatorSettingsError) -> String {
      guard let value = next() else { throw .malformed(after: key, expected: "a value") }
      return value
    }
  }
}
