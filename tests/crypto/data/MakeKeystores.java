// Wrote the *.p12 files beside it, with Java 17 and Bouncy Castle 1.78.1 on the class path:
//   javac MakeKeystores.java && java MakeKeystores .
// The keys are the two numbers below, worth nothing; every password is "swordfish",
// that of the key in two-passwords-*.p12 "angelfish".
import java.io.FileOutputStream;
import java.math.BigInteger;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.jce.ECNamedCurveTable;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.jce.spec.ECPrivateKeySpec;
import org.bouncycastle.jce.spec.ECPublicKeySpec;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

public class MakeKeystores {
  static final char[] PASSWORD = "swordfish".toCharArray();

  static KeyPair pair(String secret) throws Exception {
    var spec = ECNamedCurveTable.getParameterSpec("secp256k1");
    var scalar = new BigInteger(secret, 16);
    var factory = KeyFactory.getInstance("ECDSA", "BC");
    return new KeyPair(
        factory.generatePublic(new ECPublicKeySpec(spec.getG().multiply(scalar), spec)),
        factory.generatePrivate(new ECPrivateKeySpec(scalar, spec)));
  }

  static X509Certificate certificate(KeyPair pair) throws Exception {
    var name = new X500Name("CN=constellationnetwork.io, O=Constellation Labs");
    var from = new Date();
    var to = new Date(from.getTime() + 365000L * 86400000L);
    var serial = new BigInteger(64, new SecureRandom());
    var builder = new JcaX509v3CertificateBuilder(name, serial, from, to, name, pair.getPublic());
    var signer = new JcaContentSignerBuilder("SHA512withECDSA").setProvider("BC").build(pair.getPrivate());
    return new JcaX509CertificateConverter().setProvider("BC").getCertificate(builder.build(signer));
  }

  static KeyStore empty(String type, String provider) throws Exception {
    var store = KeyStore.getInstance(type, provider);
    store.load(null, PASSWORD);
    return store;
  }

  static void add(KeyStore store, String alias, KeyPair pair) throws Exception {
    store.setKeyEntry(alias, pair.getPrivate(), PASSWORD, new Certificate[] {certificate(pair)});
  }

  static void save(KeyStore store, String path) throws Exception {
    try (var out = new FileOutputStream(path)) {
      store.store(out, PASSWORD);
    }
  }

  static void one(String type, String provider, KeyPair pair, String path) throws Exception {
    var store = empty(type, provider);
    add(store, "token-key", pair);
    save(store, path);
  }

  static void twoPasswords(KeyPair pair, String path) throws Exception {
    var store = empty("PKCS12", "SunJSSE");
    var chain = new Certificate[] {certificate(pair)};
    store.setKeyEntry("token-key", pair.getPrivate(), "angelfish".toCharArray(), chain);
    save(store, path);
  }

  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    var directory = arguments[0] + "/";
    var coffee = pair("c0ffee");
    var decaf = pair("decafbad");
    one("PKCS12", "BC", coffee, directory + "bouncycastle.p12"); // triple DES and 40-bit RC2: Tessellation's own
    one("PKCS12-3DES-3DES", "BC", coffee, directory + "bouncycastle-3des.p12");
    one("PKCS12", "SunJSSE", coffee, directory + "jdk-aes.p12");
    System.setProperty("keystore.pkcs12.legacy", "");
    one("PKCS12", "SunJSSE", coffee, directory + "jdk-legacy.p12");
    System.clearProperty("keystore.pkcs12.legacy");

    // The key under another password than the store: what Tessellation's first keytool left behind.
    twoPasswords(coffee, directory + "two-passwords-aes.p12");
    System.setProperty("keystore.pkcs12.legacy", "");
    twoPasswords(coffee, directory + "two-passwords-legacy.p12");
    System.clearProperty("keystore.pkcs12.legacy");

    var two = empty("PKCS12", "BC");
    add(two, "first", coffee);
    add(two, "second", decaf);
    save(two, directory + "two-keys.p12");

    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    one("PKCS12", "SunJSSE", generator.generateKeyPair(), directory + "other-curve.p12");

    var none = empty("PKCS12", "SunJSSE");
    none.setCertificateEntry("only-a-certificate", certificate(coffee));
    save(none, directory + "no-key.p12");
  }
}
