// Totals of nvidia-smi on several data center cards are quoted together in one place; data sheets that print rates with
// sparsity are halved here.

extension DeviceCatalog {
  private static let quotedTotals = "https://github.com/modal-labs/modal-client/pull/2797"

  static let workstation: [Device] = [
    DeviceRow(
      name: "quadro-rtx-8000", title: "Quadro RTX 8000", gibibytes: 48, bandwidth: 672, rates: (nil, 130.5, 16.3),
      context: .medium, links: Device.Links(.pcie(3), .nvlink(bothWays: 100, reach: 2))
    ).device(capability: (7, 5), source: "NVIDIA Quadro RTX 8000 data sheet"),
    DeviceRow(
      name: "rtx-a4000", title: "RTX A4000", gibibytes: 16, bandwidth: 448, rates: (76.7, 76.7, 19.2),
      context: .medium, links: Device.Links(.pcie(4)),
      usable: .torch(15.61, "https://github.com/DengKaiCQ/VGGT-Long/issues/6")
    ).device(capability: (8, 6), source: "NVIDIA RTX A4000 data sheet"),
    DeviceRow(
      name: "rtx-a5000", title: "RTX A5000", gibibytes: 24, bandwidth: 768, rates: (111.1, 111.1, 27.8),
      context: .medium, links: Device.Links(.pcie(4), .nvlink(bothWays: 112.5, reach: 2))
    ).device(capability: (8, 6), source: "NVIDIA RTX A5000 data sheet"),
    DeviceRow(
      name: "rtx-a6000", title: "RTX A6000", gibibytes: 48, bandwidth: 768, rates: (154.8, 154.8, 38.7),
      context: .large, links: Device.Links(.pcie(4), .nvlink(bothWays: 112.5, reach: 2))
    ).device(capability: (8, 6), source: "NVIDIA RTX A6000 data sheet"),
    DeviceRow(
      name: "rtx-5000-ada", title: "RTX 5000 Ada Generation", gibibytes: 32, bandwidth: 576,
      rates: (261.1, 261.1, 65.3), context: .large, links: Device.Links(.pcie(4))
    ).device(capability: (8, 9), source: "NVIDIA RTX 5000 Ada Generation data sheet"),
    DeviceRow(
      name: "rtx-6000-ada", title: "RTX 6000 Ada Generation", gibibytes: 48, bandwidth: 960,
      rates: (364.2, 364.2, 91.1), context: .large, links: Device.Links(.pcie(4)),
      usable: .torch(44.43, "https://github.com/DINGYANB/MTVCrafter/issues/21")
    ).device(capability: (8, 9), source: "NVIDIA RTX 6000 Ada Generation data sheet"),
    DeviceRow(
      name: "rtx-pro-6000", title: "RTX PRO 6000 Blackwell", gibibytes: 96, bandwidth: 1792,
      rates: (500, 500, 125), context: .large, links: Device.Links(.pcie(5))
    ).device(capability: (12, 0), source: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition data sheet"),
  ]

  static let dataCenter: [Device] = [
    DeviceRow(
      name: "p100", title: "Tesla P100 PCIe 16GB", gibibytes: 16, bandwidth: 732, rates: (nil, 18.7, 9.3),
      context: .medium, links: Device.Links(.pcie(3))
    ).device(capability: (6, 0), source: "NVIDIA Tesla P100 PCIe data sheet"),
    DeviceRow(
      name: "v100-16gb", title: "Tesla V100 SXM2 16GB", gibibytes: 16, bandwidth: 900, rates: (nil, 125, 15.7),
      context: .medium, links: Device.Links(.pcie(3), .nvlink(bothWays: 300, reach: 8))
    ).device(capability: (7, 0), source: "NVIDIA V100 data sheet"),
    DeviceRow(
      name: "v100-32gb", title: "Tesla V100 SXM2 32GB", gibibytes: 32, bandwidth: 900, rates: (nil, 125, 15.7),
      context: .medium, links: Device.Links(.pcie(3), .nvlink(bothWays: 300, reach: 8)),
      usable: .torch(31.74, "https://github.com/liucongg/ChatGLM-Finetuning/issues/73")
    ).device(capability: (7, 0), source: "NVIDIA V100 data sheet"),
    DeviceRow(
      name: "t4", title: "Tesla T4", gibibytes: 16, bandwidth: 320, rates: (nil, 65, 8.1), context: .small,
      links: Device.Links(.pcie(3)),
      usable: .torch(14.56, "https://pypi.org/project/fitcheck-llm/0.3.1"), clocks: (585, 1590)
    ).device(capability: (7, 5), source: "NVIDIA T4 data sheet, and the product brief for its clocks"),
    DeviceRow(
      name: "a10", title: "A10", gibibytes: 24, bandwidth: 600, rates: (125, 125, 31.2), context: .medium,
      links: Device.Links(.pcie(4)),
      usable: .driver(23_028, quotedTotals)
    ).device(capability: (8, 6), source: "NVIDIA A10 data sheet"),
    DeviceRow(
      name: "a10g", title: "A10G", gibibytes: 24, bandwidth: 600, rates: (70, 70, 31.5), context: .medium,
      links: Device.Links(.pcie(4)),
      usable: .torch(22, "https://github.com/huggingface/local-gemma/pull/25")
    ).device(capability: (8, 6), source: "NVIDIA A10G data sheet for AWS G5"),
    DeviceRow(
      name: "a30", title: "A30", gibibytes: 24, bandwidth: 933, rates: (165, 165, 10.3), context: .medium,
      links: Device.Links(.pcie(4), .nvlink(bothWays: 200, reach: 2)),
      usable: .torch(23.53, "https://github.com/google/RB-Modulation/issues/5")
    ).device(capability: (8, 0), source: "NVIDIA A30 data sheet"),
    DeviceRow(
      name: "a40", title: "A40", gibibytes: 48, bandwidth: 696, rates: (149.7, 149.7, 37.4), context: .large,
      links: Device.Links(.pcie(4), .nvlink(bothWays: 112.5, reach: 2))
    ).device(capability: (8, 6), source: "NVIDIA A40 data sheet"),
    DeviceRow(
      name: "a100-40gb", title: "A100 SXM4 40GB", gibibytes: 40, bandwidth: 1555, rates: (312, 312, 19.5),
      context: .large, links: Device.Links(.pcie(4), .nvlink(bothWays: 600, reach: 8)),
      usable: .torch(39.50, "https://github.com/TianheWu/CoSeR/issues/10")
    ).device(capability: (8, 0), source: "NVIDIA A100 data sheet"),
    DeviceRow(
      name: "a100-80gb", title: "A100 SXM4 80GB", gibibytes: 80, bandwidth: 2039, rates: (312, 312, 19.5),
      context: .large, links: Device.Links(.pcie(4), .nvlink(bothWays: 600, reach: 8)),
      usable: .torch(79.14, "https://github.com/lianqi1008/Control-GIC/issues/6")
    ).device(capability: (8, 0), source: "NVIDIA A100 data sheet"),
    DeviceRow(
      name: "l4", title: "L4", gibibytes: 24, bandwidth: 300, rates: (121, 121, 30.3), context: .medium,
      links: Device.Links(.pcie(4)),
      usable: .torch(22.05, "https://github.com/instructlab/instructlab/issues/2666"), clocks: (795, 2040)
    ).device(capability: (8, 9), source: "NVIDIA L4 data sheet, and the product brief for its clocks"),
    DeviceRow(
      name: "l40", title: "L40", gibibytes: 48, bandwidth: 864, rates: (181.1, 181.1, 90.5), context: .large,
      links: Device.Links(.pcie(4)),
      usable: .torch(44.32, "https://github.com/01-ai/Yi/issues/249")
    ).device(capability: (8, 9), source: "NVIDIA L40 data sheet"),
    DeviceRow(
      name: "l40s", title: "L40S", gibibytes: 48, bandwidth: 864, rates: (362.1, 362.1, 91.6), context: .large,
      links: Device.Links(.pcie(4)),
      usable: .driver(46_068, quotedTotals)
    ).device(capability: (8, 9), source: "NVIDIA L40S data sheet"),
    DeviceRow(
      name: "h100-pcie", title: "H100 PCIe 80GB", gibibytes: 80, bandwidth: 2000, rates: (756, 756, 51),
      context: .large, links: Device.Links(.pcie(5), .nvlink(bothWays: 600, reach: 2)),
      usable: .driver(81_559, quotedTotals)
    ).device(capability: (9, 0), source: "NVIDIA H100 data sheet"),
    DeviceRow(
      name: "h100", title: "H100 SXM5 80GB", gibibytes: 80, bandwidth: 3350, rates: (989, 989, 67),
      context: .large, links: Device.Links(.pcie(5), .nvlink(bothWays: 900, reach: 8)),
      usable: .driver(81_559, quotedTotals)
    ).device(capability: (9, 0), source: "NVIDIA H100 data sheet"),
    DeviceRow(
      name: "h100-nvl", title: "H100 NVL 94GB", gibibytes: 94, bandwidth: 3900, rates: (835, 835, 60),
      context: .large, links: Device.Links(.pcie(5), .nvlink(bothWays: 600, reach: 2)),
      usable: .torch(93.00, "https://github.com/ali-vilab/VACE/issues/56")
    ).device(capability: (9, 0), source: "NVIDIA H100 data sheet"),
    DeviceRow(
      name: "gh200", title: "GH200 96GB", gibibytes: 96, bandwidth: 4000, rates: (989, 989, 67), context: .large,
      links: Device.Links(.package(450))
    ).device(capability: (9, 0), source: "NVIDIA GH200 Grace Hopper Superchip data sheet"),
    DeviceRow(
      name: "h200", title: "H200 SXM 141GB", gibibytes: 141, bandwidth: 4800, rates: (989, 989, 67),
      context: .large, links: Device.Links(.pcie(5), .nvlink(bothWays: 900, reach: 8))
    ).device(capability: (9, 0), source: "NVIDIA H200 data sheet"),
    DeviceRow(
      name: "b200", title: "B200 SXM 180GB", gibibytes: 180, bandwidth: 7700, rates: (2250, 2250, 75),
      context: .large, links: Device.Links(.pcie(5), .nvlink(bothWays: 1800, reach: 8))
    ).device(capability: (10, 0), source: "NVIDIA DGX B200 data sheet"),
  ]

  /// AMD's, as far as their data sheets go: no driver's context was at hand, so they get the A100's.
  static let instinct: [Device] = [
    DeviceRow(
      name: "mi210", title: "Instinct MI210", gibibytes: 64, bandwidth: 1638.4, rates: (181, 181, 22.6),
      context: .large, links: Device.Links(.pcie(4), .infinityFabric(bothWays: 300, reach: 4))
    ).device(vendor: .amd, capability: nil, source: "AMD Instinct MI210 data sheet"),
    DeviceRow(
      name: "mi300x", title: "Instinct MI300X", gibibytes: 192, bandwidth: 5300, rates: (1307.4, 1307.4, 163.4),
      context: .large, links: Device.Links(.pcie(5), .infinityFabric(bothWays: 896, reach: 8))
    ).device(vendor: .amd, capability: nil, source: "AMD Instinct MI300X data sheet"),
  ]
}
