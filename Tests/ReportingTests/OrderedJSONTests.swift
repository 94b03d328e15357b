import Foundation
import Reporting
import Testing

@Suite struct `JSON` {
  @Test func `every character survives the way there and back`() throws {
    let text = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}é😀\u{2028}"
    let written = OrderedJSON.array([.string(text)]).text
    let read = try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [String]
    #expect(read == [text])
  }

  @Test(arguments: [0.1, -2.5e-9, 1e300, 2.2250738585072014e-308, 100000, 2e16, 0.0002])
  func `numbers survive to the last bit`(number: Double) throws {
    let written = OrderedJSON.array([.number(number)]).text
    let read = try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [Double]
    #expect(read == [number])
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func `what is no number is null`(number: Double) {
    #expect(OrderedJSON.number(number).text == "null")
  }

  @Test func `integers keep all their digits`() {
    #expect(OrderedJSON.integer(.max).text == "9223372036854775807")
    #expect(OrderedJSON.integer(.min).text == "-9223372036854775808")
  }

  @Test func `members keep the order in which they were given`() {
    let value: OrderedJSON = ["zebra": .integer(1), "ant": .bool(true), "middle": .null]
    #expect(value.line == "{\"zebra\": 1, \"ant\": true, \"middle\": null}")
  }

  @Test func `a line holds no line end`() {
    let value: OrderedJSON = ["a": .array([["b": .string("x\ny")]]), "c": .object([])]
    #expect(value.line == "{\"a\": [{\"b\": \"x\\ny\"}], \"c\": {}}")
  }
}
