/// When versions of packages came out, to date the software that a row leaves unsaid.
enum ReleaseDates {
  typealias Version = SoftwareVersions.Version

  /// The month of the newest of these packages, as `202403`; `nil` where none is known.
  static func month(of versions: [String: Version]) -> Int? {
    versions.compactMap { package, version in
      releases[package]?.last { $0.version <= version }?.month
    }.max()
  }

  /// First releases of minor versions, to the month and from memory: a month off can choose a neighboring default, and
  /// the row says which was chosen.
  private static let releases: [String: [(month: Int, version: Version)]] = [
    "trl": [
      (202306, Version(0, 4, 2)), (202308, Version(0, 5)), (202309, Version(0, 7)), (202401, Version(0, 7, 8)),
      (202403, Version(0, 8)), (202406, Version(0, 9)), (202408, Version(0, 10)), (202409, Version(0, 11)),
      (202411, Version(0, 12)), (202412, Version(0, 13)), (202501, Version(0, 14)), (202502, Version(0, 15)),
      (202503, Version(0, 16)), (202504, Version(0, 17)), (202505, Version(0, 18)), (202506, Version(0, 19)),
      (202507, Version(0, 20)), (202508, Version(0, 21)), (202509, Version(0, 23)), (202510, Version(0, 24)),
      (202511, Version(0, 25)), (202512, Version(0, 26)),
    ],
    "peft": [
      (202305, Version(0, 3)), (202307, Version(0, 4)), (202308, Version(0, 5)), (202311, Version(0, 6)),
      (202312, Version(0, 7)), (202401, Version(0, 8)), (202402, Version(0, 9)), (202403, Version(0, 10)),
      (202405, Version(0, 11)), (202407, Version(0, 12)), (202409, Version(0, 13)), (202412, Version(0, 14)),
      (202503, Version(0, 15)), (202507, Version(0, 16)), (202508, Version(0, 17)), (202511, Version(0, 18)),
    ],
    "torch": [
      (202303, Version(2, 0)), (202310, Version(2, 1)), (202401, Version(2, 2)), (202404, Version(2, 3)),
      (202407, Version(2, 4)), (202410, Version(2, 5)), (202501, Version(2, 6)), (202504, Version(2, 7)),
      (202508, Version(2, 8)), (202510, Version(2, 9)),
    ],
    "llamafactory": [
      (202311, Version(0, 2)), (202312, Version(0, 4)), (202401, Version(0, 5)), (202403, Version(0, 6)),
      (202404, Version(0, 7)), (202406, Version(0, 8)), (202409, Version(0, 9)), (202411, Version(0, 9, 1)),
      (202503, Version(0, 9, 2)), (202506, Version(0, 9, 3)),
    ],
    "axolotl": [
      (202309, Version(0, 3)), (202401, Version(0, 4)), (202411, Version(0, 5)), (202412, Version(0, 6)),
      (202502, Version(0, 7)), (202504, Version(0, 8)), (202506, Version(0, 10)), (202507, Version(0, 11)),
      (202508, Version(0, 12)),
    ],
    "msswift": [
      (202401, Version(1, 5)), (202402, Version(1, 6)), (202404, Version(2, 0)), (202407, Version(2, 2)),
      (202408, Version(2, 3)), (202410, Version(2, 5)), (202411, Version(2, 6)), (202501, Version(3, 0)),
    ],
    "torchtune": [
      (202404, Version(0, 1)), (202408, Version(0, 2)), (202409, Version(0, 3)), (202411, Version(0, 4)),
      (202412, Version(0, 5)), (202504, Version(0, 6)),
    ],
    "accelerate": [
      (202306, Version(0, 20)), (202308, Version(0, 22)), (202310, Version(0, 24)), (202312, Version(0, 25)),
      (202402, Version(0, 27)), (202404, Version(0, 29)), (202406, Version(0, 31)), (202409, Version(0, 34)),
      (202410, Version(1, 0)), (202501, Version(1, 3)), (202506, Version(1, 8)),
    ],
  ]
}
