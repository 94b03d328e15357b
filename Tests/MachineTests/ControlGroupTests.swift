import Machine
import Testing

@Suite struct ControlGroupTests {
  static let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
  static let perController = """
    22 1 8:1 / / rw - ext4 /dev/sda1 rw
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 master:2 - cgroup cgroup rw,memory
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
    """

  @Test func `a unified group is walked up to the mount point`() {
    let groups = ControlGroup.governing("memory", membership: "0::/user.slice/a.scope\n", mounts: Self.unified)
    #expect(groups.map(\.version) == [.two])
    #expect(
      groups.first?.folders == [
        "/sys/fs/cgroup/user.slice/a.scope", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup",
      ])
  }

  @Test func `a group at the top is the mount point alone`() {
    let groups = ControlGroup.governing("memory", membership: "0::/\n", mounts: Self.unified)
    #expect(groups.map(\.folders) == [["/sys/fs/cgroup"]])
  }

  @Test func `a hybrid host has a group in each hierarchy`() {
    let membership = "5:memory:/job/1\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n"
    let groups = ControlGroup.governing("memory", membership: membership, mounts: Self.perController)
    #expect(groups.map(\.version) == [.one, .two])
    #expect(
      groups.first?.folders == [
        "/sys/fs/cgroup/memory/job/1", "/sys/fs/cgroup/memory/job", "/sys/fs/cgroup/memory",
      ])
    let cpu = ControlGroup.governing("cpu", membership: membership, mounts: Self.perController)
    #expect(cpu.first?.folders == ["/sys/fs/cgroup/cpu,cpuacct"])
  }

  @Test func `in a container a mount's root is taken off the group's path`() {
    let mounts = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    let groups = ControlGroup.governing("memory", membership: "5:memory:/docker/abc/inner\n", mounts: mounts)
    #expect(groups.map(\.folders) == [["/sys/fs/cgroup/memory/inner", "/sys/fs/cgroup/memory"]])
  }

  @Test(arguments: ["0::/../../elsewhere\n", "0::/../x\n"])
  func `a group outside the namespace falls back on the mount point`(membership: String) {
    let groups = ControlGroup.governing("memory", membership: membership, mounts: Self.unified)
    #expect(groups.map(\.folders) == [["/sys/fs/cgroup"]])
  }

  @Test func `a mount of another container is passed over for one that shows the group`() {
    let mounts = """
      35 31 0:32 /docker/other /mnt/other rw - cgroup2 cgroup2 rw
      36 31 0:32 / /mnt/all rw - cgroup2 cgroup2 rw
      """
    let groups = ControlGroup.governing("memory", membership: "0::/docker/abc\n", mounts: mounts)
    #expect(groups.map(\.folders) == [["/mnt/all/docker/abc", "/mnt/all/docker", "/mnt/all"]])
  }

  @Test func `escaped spaces and colons in a path survive`() {
    let mounts = #"30 23 0:26 / /mnt/with\040space\134 rw - cgroup2 cgroup2 rw"#
    let groups = ControlGroup.governing("memory", membership: "0::/a:b c\n", mounts: mounts)
    #expect(groups.map(\.folders) == [[#"/mnt/with space\/a:b c"#, #"/mnt/with space\"#]])
  }

  @Test(arguments: ["", "\n\n", "0:", "memory", "0::relative", "5:cpu:/x", "::"])
  func `malformed or foreign memberships give no group`(membership: String) {
    #expect(ControlGroup.governing("memory", membership: membership, mounts: Self.perController).isEmpty)
  }

  @Test(arguments: [
    "", "30 23 0:26 / /sys/fs/cgroup rw", "- - - -", "30 23 0:26 / /x rw a b c - cgroup2",
    "30 23 0:26 / /x rw a b c d e f",
  ])
  func `malformed mounts give no group`(mounts: String) {
    #expect(ControlGroup.governing("memory", membership: "0::/a\n", mounts: mounts).isEmpty)
  }
}
