import Bookkeeping
import Planning
import Testing

@Suite struct DeviceCatalogTests {
  @Test func `there are at least 45 devices and no name stands twice`() {
    #expect(DeviceCatalog.all.count >= 45)
    #expect(Set(DeviceCatalog.all.map(\.name)).count == DeviceCatalog.all.count)
    #expect(Set(DeviceCatalog.all.map(\.title)).count == DeviceCatalog.all.count)
  }

  @Test(arguments: DeviceCatalog.all) func `a device is plausible`(device: Device) {
    #expect(device.usable <= Bytes(device.marketedGibibytes << 30))
    // ECC inside the memory takes a sixteenth; no driver keeps more than an eighth in all.
    #expect(device.usable >= 7 * Bytes(device.marketedGibibytes << 27))
    #expect(!device.source.isEmpty)
    if device.usableIsNominal { #expect(device.usable == Bytes(device.marketedGibibytes << 30)) }
    #expect(device.peak.fp16 > device.peak.fp32)
    #expect((150...10_000).contains(device.bandwidth))
    #expect((device.computeCapability == nil) == (device.vendor == .amd))
    // Units for bf16 came with 8.0.
    if let capability = device.computeCapability { #expect((device.peak.bf16 != nil) == (capability.major >= 8)) }
    #expect(!device.context.isExact && !device.context.causes.isEmpty)
  }

  @Test func `every quoted size says where`() {
    for device in DeviceCatalog.all where !device.usableIsNominal {
      #expect(device.usableSource.text.contains("https://"))
    }
  }

  @Test(arguments: ["rtx-4060", "RTX 4060", "rtx4060", "GeForce RTX 4060", "geforce_rtx_4060"])
  func `a name is found however it is written`(name: String) throws {
    #expect(try #require(DeviceCatalog.named(name)).name == "rtx-4060")
  }

  @Test func `an unknown name finds nothing`() {
    #expect(DeviceCatalog.named("rtx-40600") == nil)
    #expect(DeviceCatalog.named("") == nil)
  }

  @Test func `cuBLAS borrows 8.125 MiB a handle, and 32 from Hopper on`() throws {
    #expect(try #require(DeviceCatalog.named("t4")).cublasWorkspace == Bytes(8_519_680))
    #expect(try #require(DeviceCatalog.named("h100")).cublasWorkspace == Bytes(32 << 20))
  }
}
