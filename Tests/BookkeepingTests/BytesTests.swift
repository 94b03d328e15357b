import Bookkeeping
import Testing

@Suite struct `A size in bytes` {
  static let readable: [(String, Int)] = [
    ("8GB", 8 << 30), ("8 GiB", 8 << 30), ("8g", 8 << 30), ("7.5GiB", 15 << 29), ("512MiB", 512 << 20),
    ("512mb", 512 << 20), ("1TB", 1 << 40), ("64k", 64 << 10), ("100b", 100), (" 24 GB ", 24 << 30), ("+2GB", 2 << 30),
    ("0.5kib", 512), ("1.5B", 2),
  ]

  @Test(arguments: readable)
  func `is read with its unit`(text: String, count: Int) throws {
    #expect(try Bytes(parsing: text).count == count)
  }

  static let refused: [(String, BytesParsingError)] = [
    ("8", .missingUnit("8")), ("", .notANumber("")), ("GB", .notANumber("GB")), ("-8GB", .notPositive("-8GB")),
    ("0GB", .notPositive("0GB")), ("8XB", .unknownUnit("xb", text: "8XB")), ("8GBs", .unknownUnit("gbs", text: "8GBs")),
    ("8bib", .unknownUnit("bib", text: "8bib")), ("1e3GB", .unknownUnit("e3gb", text: "1e3GB")),
    ("1.2.3GB", .notANumber("1.2.3GB")), ("99999999TB", .tooLarge("99999999TB")), ("nanGB", .notANumber("nanGB")),
    ("infGB", .notANumber("infGB")), ("½GB", .notANumber("½GB")), ("0.0001B", .notPositive("0.0001B")),
    ("8,5GB", .unknownUnit(",5gb", text: "8,5GB")),
  ]

  @Test(arguments: refused)
  func `is refused with a reason`(text: String, reason: BytesParsingError) {
    #expect(throws: reason) { try Bytes(parsing: text) }
    #expect(!reason.description.isEmpty)
  }

  static let printed: [(Int, String)] = [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (50 << 20, "50.0 MiB"),
    // From a tenth of a GiB on, GiB: two decimals are still two digits.
    (1 << 30 / 10 - 1, "102.4 MiB"), (1 << 30 / 10, "0.10 GiB"), (1 << 30, "1.00 GiB"), (25_769_803_776, "24.00 GiB"),
    (-(1 << 30), "-1.00 GiB"),
  ]

  @Test(arguments: printed)
  func `is printed in the largest unit that leaves a figure`(count: Int, text: String) {
    #expect(Bytes(count).description == text)
  }

  @Test func `of a whole number of GiB survives printing and reading`() throws {
    for count in 1...200 {
      let bytes = count * Bytes.gibi
      #expect(try Bytes(parsing: bytes.description) == bytes)
    }
  }

  static let granules: [(Int, Int, Int)] = [
    (0, 512, 0), (1, 512, 512), (512, 512, 512), (513, 512, 1024), (1, 1, 1),
  ]

  @Test(arguments: granules)
  func `rounds up to whole granules`(count: Int, granule: Int, rounded: Int) {
    #expect(Bytes(count).rounded(upTo: Bytes(granule)).count == rounded)
  }

  static let decimals: [(Double, Int, String)] = [
    (2.5, 0, "3"), (-2.5, 0, "-3"), (1.005, 1, "1.0"), (0.049, 1, "0.0"), (-0.04, 1, "0.0"), (12.345, 2, "12.35"),
    (0.05, 2, "0.05"), (.nan, 2, "–"), (.infinity, 2, "–"),
  ]

  @Test(arguments: decimals)
  func `fixed decimals round half away from zero`(value: Double, decimals: Int, text: String) {
    #expect(Fixed.text(value, decimals: decimals) == text)
  }

  static let groups: [(Int, String)] = [
    (0, "0"), (999, "999"), (1000, "1,000"), (-134_515_008, "-134,515,008"), (Int.min, "-9,223,372,036,854,775,808"),
  ]

  @Test(arguments: groups)
  func `digits are grouped in threes`(value: Int, text: String) {
    #expect(Fixed.grouped(value) == text)
  }
}
