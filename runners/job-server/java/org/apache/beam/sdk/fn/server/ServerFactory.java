package org.apache.beam.sdk.fn.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.BindableService;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.ServerInterceptors;
import org.apache.beam.vendor.grpc.v1p60p1.io.grpc.netty.NettyServerBuilder;
import org.apache.beam.vendor.guava.v32_1_2_jre.com.google.common.net.HostAndPort;

/**
 * Starts the servers of Beam's job server and of the workers, each at its own address alone.
 *
 * <p>It stands in the jar in the place of Beam's class of this name, which takes the same addresses, but listens at
 * their ports on every network interface. None of these servers asks who calls, and the job server starts any program
 * that a job names as its worker.
 *
 * <p>A server without an address listens on the loopback interface. Others listen where they were told to, as in the
 * job server's {@code --job-host}.
 */
public abstract class ServerFactory {

  private static final int SECONDS_BETWEEN_PINGS = 20; // Beam's Python workers ping that often

  /** Makes the address that workers call out of a host and a port. */
  @FunctionalInterface
  public interface UrlFactory {
    String createUrl(String host, int port);

    static UrlFactory createDefault() {
      return (host, port) -> HostAndPort.fromParts(host, port).toString();
    }
  }

  public static ServerFactory createDefault() {
    return createWithUrlFactory(UrlFactory.createDefault());
  }

  public static ServerFactory createWithUrlFactory(UrlFactory urls) {
    return createWithUrlFactoryAndPortSupplier(urls, () -> 0);
  }

  public static ServerFactory createWithPortSupplier(Supplier<Integer> ports) {
    return createWithUrlFactoryAndPortSupplier(UrlFactory.createDefault(), ports);
  }

  public static ServerFactory createWithUrlFactoryAndPortSupplier(UrlFactory urls, Supplier<Integer> ports) {
    return new AtOneAddress(urls, ports);
  }

  /** Starts a server on the loopback interface, and writes its address into the descriptor. */
  public abstract Server allocateAddressAndCreate(
      List<BindableService> services, ApiServiceDescriptor.Builder descriptor) throws IOException;

  /** Starts a server at the descriptor's address. */
  public abstract Server create(List<BindableService> services, ApiServiceDescriptor descriptor) throws IOException;

  private static final class AtOneAddress extends ServerFactory {
    private final UrlFactory urls;
    private final Supplier<Integer> ports;

    private AtOneAddress(UrlFactory urls, Supplier<Integer> ports) {
      this.urls = urls;
      this.ports = ports;
    }

    @Override
    public Server allocateAddressAndCreate(List<BindableService> services, ApiServiceDescriptor.Builder descriptor)
        throws IOException {
      InetAddress loopback = InetAddress.getLoopbackAddress();
      Server server = start(services, new InetSocketAddress(loopback, ports.get()));
      descriptor.setUrl(urls.createUrl(loopback.getHostName(), server.getPort()));
      return server;
    }

    @Override
    public Server create(List<BindableService> services, ApiServiceDescriptor descriptor) throws IOException {
      HostAndPort address = HostAndPort.fromString(descriptor.getUrl());
      return start(services, new InetSocketAddress(address.getHost(), address.getPort()));
    }

    private static Server start(List<BindableService> services, InetSocketAddress address) throws IOException {
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(address)
              .maxInboundMessageSize(Integer.MAX_VALUE)
              .permitKeepAliveTime(SECONDS_BETWEEN_PINGS, TimeUnit.SECONDS);
      for (BindableService service : services) {
        builder.addService(
            ServerInterceptors.intercept(service, GrpcContextHeaderAccessorProvider.interceptor()));
      }
      return builder.build().start();
    }
  }
}
